"""Line mode: the same messenger, spoken in lines, for screen readers, pipes and serial consoles."""
