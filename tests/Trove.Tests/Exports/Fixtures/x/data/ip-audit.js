window.YTD.ip_audit.part0 = [
  {
    "ipAudit": {
      "accountId": "9001",
      "loginIp": "192.0.2.5"
    }
  }
]
