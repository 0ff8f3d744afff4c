window.__THAR_CONFIG = {
  "userInfo": {
    "accountId": "9001",
    "userName": "fen_walker",
    "displayName": "Fen"
  },
  "archiveInfo": {
    "sizeBytes": "12345",
    "generationDate": "2024-06-30T00:00:00.000Z",
    "isPartialArchive": false,
    "maxPartSizeBytes": "53687091200"
  },
  "readmeInfo": {
    "fileName": "data/README.txt"
  },
  "dataTypes": {
    "account": {
      "files": [
        {
          "fileName": "data/account.js",
          "globalName": "YTD.account.part0",
          "count": "1"
        }
      ]
    },
    "tweets": {
      "mediaDirectory": "data/tweets_media",
      "files": [
        {
          "fileName": "data/tweets.js",
          "globalName": "YTD.tweets.part0",
          "count": "2"
        },
        {
          "fileName": "data/tweets-part1.js",
          "globalName": "YTD.tweets_part1.part0",
          "count": "2"
        }
      ]
    },
    "noteTweet": {
      "files": [
        {
          "fileName": "data/note-tweet.js",
          "globalName": "YTD.note_tweet.part0",
          "count": "1"
        }
      ]
    },
    "deletedTweets": {
      "files": [
        {
          "fileName": "data/deleted-tweets.js",
          "globalName": "YTD.deleted_tweets.part0",
          "count": "1"
        }
      ]
    },
    "like": {
      "files": [
        {
          "fileName": "data/like.js",
          "globalName": "YTD.like.part0",
          "count": "2"
        }
      ]
    },
    "directMessages": {
      "files": [
        {
          "fileName": "data/direct-messages.js",
          "globalName": "YTD.direct_messages.part0",
          "count": "1"
        }
      ]
    },
    "directMessagesGroup": {
      "files": [
        {
          "fileName": "data/direct-messages-group.js",
          "globalName": "YTD.direct_messages_group.part0",
          "count": "1"
        }
      ]
    },
    "following": {
      "files": [
        {
          "fileName": "data/following.js",
          "globalName": "YTD.following.part0",
          "count": "1"
        }
      ]
    },
    "follower": {
      "files": [
        {
          "fileName": "data/follower.js",
          "globalName": "YTD.follower.part0",
          "count": "1"
        }
      ]
    },
    "block": {
      "files": [
        {
          "fileName": "data/block.js",
          "globalName": "YTD.block.part0",
          "count": "1"
        }
      ]
    },
    "mute": {
      "files": [
        {
          "fileName": "data/mute.js",
          "globalName": "YTD.mute.part0",
          "count": "0"
        }
      ]
    },
    "savedSearch": {
      "files": [
        {
          "fileName": "data/saved-search.js",
          "globalName": "YTD.saved_search.part0",
          "count": "1"
        }
      ]
    },
    "listsSubscribed": {
      "files": [
        {
          "fileName": "data/lists-subscribed.js",
          "globalName": "YTD.lists_subscribed.part0",
          "count": "1"
        }
      ]
    },
    "listsCreated": {
      "files": [
        {
          "fileName": "data/lists-created.js",
          "globalName": "YTD.lists_created.part0",
          "count": "1"
        }
      ]
    },
    "grok": {
      "files": [
        {
          "fileName": "data/grok-chat-item.js",
          "globalName": "YTD.grok_chat_item.part0",
          "count": "7"
        }
      ]
    }
  }
}
