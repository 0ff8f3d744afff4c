window.YTD.direct_messages_group.part0 = [
  {
    "dmConversation": {
      "conversationId": "1490000000000000000",
      "messages": [
        {
          "messageCreate": {
            "senderId": "7002",
            "id": "1490000000000000007",
            "createdAt": "2023-05-06T07:08:09.000Z",
            "text": "Boat at six",
            "reactions": [],
            "urls": [],
            "mediaUrls": []
          }
        },
        {
          "conversationNameUpdate": {
            "initiatingUserId": "7002",
            "name": "Boat people",
            "createdAt": "2023-05-06T07:00:00.000Z"
          }
        },
        {
          "participantsJoin": {
            "initiatingUserId": "7002",
            "userIds": [
              "9001",
              "7001"
            ],
            "createdAt": "2023-05-06T06:59:00.000Z"
          }
        },
        {
          "joinConversation": {
            "initiatingUserId": "7002",
            "participantsSnapshot": [
              "7002",
              "9001"
            ],
            "createdAt": "2023-05-06T06:58:00.000Z"
          }
        }
      ]
    }
  }
]
