update contribution set control = 1 where nullifier is not null;
