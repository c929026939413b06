"""The app's texts in Korean and English."""
