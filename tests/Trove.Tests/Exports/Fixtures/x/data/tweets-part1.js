window.YTD.tweets.part1 = [
  {
    "tweet": {
      "retweeted": false,
      "source": "<a href=\"https://mobile.example.org\" rel=\"nofollow\">Web App</a>",
      "entities": {
        "hashtags": [],
        "user_mentions": [],
        "urls": []
      },
      "favorite_count": "2",
      "id_str": "1799005925135089666",
      "id": "1799005925135089666",
      "truncated": false,
      "retweet_count": "0",
      "created_at": "Fri Jun 07 09:10:11 +0000 2024",
      "favorited": false,
      "full_text": "RT @otter_bob: The reed beds are flooded again and nobody at the council seems to have noticed, which is a pity for the…",
      "lang": "en"
    }
  },
  {
    "tweet": {
      "retweeted": false,
      "source": "<a href=\"https://mobile.example.org\" rel=\"nofollow\">Web App</a>",
      "entities": {
        "hashtags": [],
        "user_mentions": [],
        "urls": []
      },
      "favorite_count": "2",
      "id_str": "1609747327210225667",
      "id": "1609747327210225667",
      "truncated": false,
      "retweet_count": "0",
      "created_at": "Mon Jan 02 03:04:05 +0000 2023",
      "favorited": false,
      "full_text": "One of those posts that go on for so long that the archive keeps only the beginning of it here and the whole of it elsewhere, which nobody would guess …",
      "lang": "en"
    }
  }
]
