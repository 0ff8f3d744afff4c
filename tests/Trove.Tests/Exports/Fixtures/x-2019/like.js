window.YTD.like.part0 = [
  {
    "tweetId": "1100000000000000001",
    "fullText": "An old heron"
  }
]
