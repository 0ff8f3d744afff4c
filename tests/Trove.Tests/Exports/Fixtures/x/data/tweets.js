window.YTD.tweets.part0 = [
  {
    "tweet": {
      "retweeted": false,
      "source": "<a href=\"https://mobile.example.org\" rel=\"nofollow\">Web App</a>",
      "entities": {
        "urls": [
          {
            "url": "https://t.co/a1",
            "expanded_url": "https://fen.example.org/reeds",
            "display_url": "fen.example.org/reeds",
            "indices": [
              "40",
              "60"
            ]
          }
        ]
      },
      "favorite_count": "2",
      "id_str": "1798350401557233664",
      "id": "1798350401557233664",
      "truncated": false,
      "retweet_count": "0",
      "created_at": "Wed Jun 05 13:45:22 +0000 2024",
      "favorited": false,
      "full_text": "Salt &amp; reeds: 3 &lt; 5, and &amp;lt; stays https://t.co/a1",
      "lang": "en",
      "extended_entities": {
        "media": [
          {
            "media_url_https": "https://pbs.example.org/media/a.jpg",
            "type": "photo"
          }
        ]
      }
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
      "id_str": "1798625875055345665",
      "id": "1798625875055345665",
      "truncated": false,
      "retweet_count": "0",
      "created_at": "Thu Jun 06 08:00:00 +0000 2024",
      "favorited": false,
      "full_text": "@otter_bob The tide turns at noon.",
      "lang": "en",
      "in_reply_to_status_id_str": "1798300000000000001",
      "in_reply_to_user_id_str": "7001",
      "in_reply_to_screen_name": "otter_bob"
    }
  }
]
