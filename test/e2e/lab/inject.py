# SPDX-License-Identifier: ISC
"""A system call made by another process, as code that took it over would."""

import contextlib
import ctypes
import os
import platform
import signal
import struct
import time

ATTACH, DETACH, GETREGS, SETREGS, STEP = 16, 17, 12, 13, 9
OPENAT, SOCKET, EXECVE = 257, 41, 59
AT_FDCWD = -100
REGISTERS = ("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi "
             "orig_rax rip cs eflags rsp ss fs_base gs_base ds es fs gs"
             ).split()
ARGUMENTS = ("rdi", "rsi", "rdx", "r10", "r8", "r9")


def possible():
    return platform.machine() == "x86_64"


def ptrace(request, pid, address=0, data=0):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p,
                            ctypes.c_void_p]
    if libc.ptrace(request, pid, address, data) < 0:
        error = ctypes.get_errno()
        raise OSError(error, "ptrace: " + os.strerror(error))


def get_registers(pid):
    data = ctypes.create_string_buffer(8 * len(REGISTERS))
    ptrace(GETREGS, pid, 0, ctypes.addressof(data))
    return dict(zip(REGISTERS, struct.unpack("27Q", data.raw)))


def set_registers(pid, registers):
    data = ctypes.create_string_buffer(
        struct.pack("27Q", *(registers[name] for name in REGISTERS)))
    ptrace(SETREGS, pid, 0, ctypes.addressof(data))


def attach(pid):
    """Its registers, once it was found waiting in a system call: when it
    computes, what stands before its next instruction is any code."""
    deadline = time.monotonic() + 10
    while True:
        ptrace(ATTACH, pid)
        os.waitpid(pid, 0)
        saved = get_registers(pid)
        if saved["orig_rax"] < 2**63:
            return saved
        ptrace(DETACH, pid)
        assert time.monotonic() < deadline, "it never waits"
        time.sleep(0.01)


@contextlib.contextmanager
def stopped(pid):
    """The process waits in a system call, and goes on as if nothing was."""
    saved = attach(pid)
    try:
        yield saved
    finally:
        with contextlib.suppress(OSError):
            set_registers(pid, saved)
            ptrace(DETACH, pid)


def call(pid, number, *arguments):
    """What it returned; or the signal, negative, that it died of.

    Texts among the arguments are put below its stack.
    """
    with stopped(pid) as saved:
        registers = dict(saved)
        where = saved["rsp"] - 4096
        for register, argument in zip(ARGUMENTS, arguments):
            if isinstance(argument, str):
                data = argument.encode() + b"\0"
                with open("/proc/%d/mem" % pid, "r+b", buffering=0) as memory:
                    memory.seek(where)
                    memory.write(data)
                argument, where = where, where + len(data)
            registers[register] = argument % 2**64
        # It stands behind the instruction that made its own call.
        registers.update(rax=number, orig_rax=2**64 - 1,
                         rip=saved["rip"] - 2)
        set_registers(pid, registers)
        ptrace(STEP, pid)
        _, status = os.waitpid(pid, 0)
        if os.WIFSIGNALED(status):
            return -os.WTERMSIG(status)
        assert os.WSTOPSIG(status) == signal.SIGTRAP, os.WSTOPSIG(status)
        value = get_registers(pid)["rax"]
        return value - 2**64 if value >= 2**63 else value
