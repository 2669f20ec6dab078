//! AUROC, AP, F1-max, AUPRO and PRO-RD.
