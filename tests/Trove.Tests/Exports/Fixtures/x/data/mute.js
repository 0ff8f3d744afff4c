window.YTD.mute.part0 = []
