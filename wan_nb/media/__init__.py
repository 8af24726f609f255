"""Pictures, sounds and clips: sources, materials, images, video, clips, where they are stored."""
