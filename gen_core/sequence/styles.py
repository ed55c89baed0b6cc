"""The styles that a performance can blend. Apart from the layout that numbers them: naming them loads nothing."""

STYLES = ("chorale", "hymn", "song", "quartet", "orchestra", "salon", "game", "drums")
