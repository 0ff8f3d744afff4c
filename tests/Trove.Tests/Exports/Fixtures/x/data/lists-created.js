window.YTD.lists_created.part0 = [
  {
    "userListInfo": {
      "url": "https://twitter.com/fen_walker/lists/rivers"
    }
  }
]
