window.YTD.following.part0 = [
  {
    "following": {
      "accountId": "7001",
      "userLink": "https://twitter.com/intent/user?user_id=7001"
    }
  }
]
