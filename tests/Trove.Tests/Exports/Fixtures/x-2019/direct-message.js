window.YTD.direct_message.part0 = [
  {
    "dmConversation": {
      "conversationId": "7001-9001",
      "messages": [
        {
          "messageCreate": {
            "recipientId": "7001",
            "senderId": "9001",
            "id": "1100000000000000002",
            "createdAt": "2019-03-04T06:00:00.000Z",
            "text": "Low water",
            "mediaUrls": []
          }
        }
      ]
    }
  }
]
