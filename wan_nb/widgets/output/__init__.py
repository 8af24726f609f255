"""What a cell shows: live, without a kernel, and several pieces in one."""
