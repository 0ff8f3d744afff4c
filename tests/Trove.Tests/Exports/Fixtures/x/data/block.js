window.YTD.block.part0 = [
  {
    "blocking": {
      "accountId": "7003",
      "userLink": "https://twitter.com/intent/user?user_id=7003"
    }
  }
]
