"""The frame of a lab, and designs that are pasted into one."""
