window.YTD.like.part0 = [
  {
    "like": {
      "tweetId": "1798300000000000002",
      "fullText": "Herons &amp; egrets",
      "expandedUrl": "https://twitter.com/i/web/status/1798300000000000002"
    }
  },
  {
    "like": {
      "tweetId": "1798300000000000003",
      "expandedUrl": "https://twitter.com/i/web/status/1798300000000000003"
    }
  }
]
