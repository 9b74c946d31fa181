"""The arrays behind `cstool.codeswitch`."""
