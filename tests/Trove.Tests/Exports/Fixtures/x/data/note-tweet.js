window.YTD.note_tweet.part0 = [
  {
    "noteTweet": {
      "noteTweetId": "1609750000000000009",
      "createdAt": "2023-01-02T03:04:05.000Z",
      "updatedAt": "2023-01-02T03:04:05.000Z",
      "core": {
        "styletags": [],
        "text": "One of those posts that go on for so long that the archive keeps only the beginning of it here and the whole of it elsewhere, which nobody would guess who had not looked. & that is all.",
        "urls": [
          {
            "expandedUrl": "https://fen.example.org/long",
            "shortUrl": "https://t.co/b2"
          }
        ],
        "mentions": [],
        "hashtags": []
      }
    }
  }
]
