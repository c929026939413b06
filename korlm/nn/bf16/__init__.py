"""bf16 kernels for recurrent layers and the cross-entropy on CPUs."""
