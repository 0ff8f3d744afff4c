window.YTD.lists_subscribed.part0 = [
  {
    "userListInfo": {
      "url": "https://twitter.com/otter_bob/lists/birds"
    }
  }
]
