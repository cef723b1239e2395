"""Where backups lie: places that keep sealed objects under names, one adapter a file."""
