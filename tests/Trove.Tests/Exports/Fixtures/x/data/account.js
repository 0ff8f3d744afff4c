window.YTD.account.part0 = [
  {
    "account": {
      "email": "fen@example.org",
      "username": "fen_walker",
      "accountId": "9001",
      "createdAt": "2018-01-01T00:00:00.000Z",
      "accountDisplayName": "Fen"
    }
  }
]
