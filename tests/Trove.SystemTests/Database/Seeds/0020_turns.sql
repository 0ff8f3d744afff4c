update evaluation set turn = 16384;
