window.YTD.tweet.part0 = [
  {
    "id_str": "1102435026064113664",
    "id": "1102435026064113664",
    "created_at": "Mon Mar 04 05:06:07 +0000 2019",
    "full_text": "Bare &amp; old",
    "entities": {
      "urls": [],
      "media": [
        {
          "media_url_https": "https://pbs.example.org/media/old.jpg"
        }
      ]
    },
    "lang": "en"
  }
]
