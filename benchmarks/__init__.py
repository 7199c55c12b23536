"""Speed and memory of the platform, measured as ratios in one run: `make bench`. Not part of the installed package."""
