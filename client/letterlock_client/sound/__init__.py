"""Voice notes: the microphone and the loudspeaker, and what is between them and a file."""
