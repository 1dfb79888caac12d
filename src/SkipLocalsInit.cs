// Compiled into every project of PID 1 (Pid1.props): path buffers on the stack are 4 KiB each, and every one of them is
// written before it is read.
[module: System.Runtime.CompilerServices.SkipLocalsInit]
