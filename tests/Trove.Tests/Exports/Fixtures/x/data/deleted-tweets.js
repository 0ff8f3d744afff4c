window.YTD.deleted_tweets.part0 = [
  {
    "tweet": {
      "id_str": "1598255584367345664",
      "created_at": "Thu Dec 01 10:00:00 +0000 2022",
      "deleted_at": "Thu Dec 01 10:05:00 +0000 2022",
      "full_text": "Wrong bridge.",
      "entities": {
        "urls": []
      }
    }
  }
]
