"""A WebSocket server held to limits: one client's bytes, and the door through which clients come."""
