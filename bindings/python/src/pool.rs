//! The threads of this process that compute.
//!
//! A process that was forked has none of its parent's threads: work handed to them would wait for ever. So each process
//! makes its own, when it first computes.

use crate::errors::Error;
use pyo3::PyResult;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::{Arc, Mutex, PoisonError};

/// The threads of every detector that did not ask for a number of its own.
static SHARED: Pool = Pool::of(0);

/// Threads that are made when they are first needed.
#[derive(Debug)]
pub struct Pool {
    /// 0: as many as rayon takes, one for each core or RAYON_NUM_THREADS.
    threads: usize,
    made: Mutex<Option<(u32, Arc<ThreadPool>)>>,
}

impl Pool {
    /// So many threads.
    pub const fn of(threads: usize) -> Self {
        Self { threads, made: Mutex::new(None) }
    }

    /// The threads, of this process.
    pub fn get(&self) -> PyResult<Arc<ThreadPool>> {
        let process = std::process::id();
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        match made.take() {
            Some((of, pool)) if of == process => {
                *made = Some((of, Arc::clone(&pool)));
                return Ok(pool);
            }
            // Its threads are the parent's; ending them here would wait for them.
            Some(parents) => std::mem::forget(parents),
            None => {}
        }
        let pool = ThreadPoolBuilder::new().num_threads(self.threads).build();
        let pool =
            Arc::new(pool.map_err(|error| Error::new_err(format!("no threads to compute with: {error}")))?);
        *made = Some((process, Arc::clone(&pool)));
        Ok(pool)
    }
}

/// The threads of `own`, or those that all share.
pub fn threads(own: Option<&Pool>) -> PyResult<Arc<ThreadPool>> {
    own.unwrap_or(&SHARED).get()
}
