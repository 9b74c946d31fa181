"""What `cstool.train` is made of."""
