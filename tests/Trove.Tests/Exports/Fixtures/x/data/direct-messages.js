window.YTD.direct_messages.part0 = [
  {
    "dmConversation": {
      "conversationId": "7001-9001",
      "messages": [
        {
          "messageCreate": {
            "recipientId": "9001",
            "senderId": "7001",
            "id": "1500000000000000002",
            "createdAt": "2024-02-03T04:05:06.789Z",
            "text": "Are you there &gt; the weir?",
            "reactions": [
              {
                "senderId": "9001",
                "reactionKey": "like",
                "eventId": "1500000000000000005",
                "createdAt": "2024-02-03T04:06:00.000Z"
              }
            ],
            "urls": [],
            "mediaUrls": [],
            "editHistory": []
          }
        },
        {
          "messageCreate": {
            "recipientId": "7001",
            "senderId": "9001",
            "id": "1500000000000000001",
            "createdAt": "2024-02-03T04:00:00.000Z",
            "text": "At the bridge https://t.co/c3",
            "reactions": [],
            "urls": [
              {
                "url": "https://t.co/c3",
                "expanded": "https://maps.example.org/bridge",
                "display": "maps.example.org/bridge"
              }
            ],
            "mediaUrls": [
              "https://ton.example.org/dm/1.jpg"
            ]
          }
        }
      ]
    }
  }
]
