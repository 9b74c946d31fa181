"""What `cstool.pretrain` is made of."""
