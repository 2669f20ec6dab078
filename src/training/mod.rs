//! Both training stages.
