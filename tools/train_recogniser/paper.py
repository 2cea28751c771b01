"""Ink on paper: turns the coverage of a crop into grey pixels with the tones, blur, light and noise of scans and screens."""
import cv2
import numpy as np


class Paper:
    """Lays ink with damage drawn from `rng`; a `clean` one lays black on white and nothing else."""

    def __init__(self, rng, clean=False):
        self.r, self.clean = rng, clean

    def chance(self, p):
        return self.r.random() < p

    def lay(self, ink):
        """Coverage 0 to 1 (rows, columns) -> grey uint8 of the same shape."""
        if self.clean:
            return (255 - 255 * ink).astype(np.uint8)
        if self.chance(0.35):
            return self.screen(ink)
        return self.scan(ink)

    def screen(self, ink):
        """As a program draws it: even paper, even ink."""
        black = float(self.r.uniform(0, 40))
        white = self.r.uniform(225, 255) if self.chance(0.3) else 255.0
        grey = np.clip(white + (black - white) * ink, 0, 255).astype(np.uint8)
        return 255 - grey if self.chance(0.14) else grey

    def scan(self, ink):
        """As a scanner, a fax or a telephone sees it."""
        white = self.r.uniform(140, 255)
        black = white - self.r.uniform(60, white)
        ink = self.blurred(ink)
        grey = self.noisy(white + (black - white) * ink, ink)
        grey = np.clip(grey, 0, 255).astype(np.uint8)
        if self.chance(0.06):  # two tones only, as a fax
            grey = np.where(grey > int((white + black) / 2), 255, 0).astype(np.uint8)
        return 255 - grey if self.chance(0.14) else grey

    def blurred(self, ink):
        """Out of focus, or moved."""
        height, x = ink.shape[0], self.r.random()
        if x < 0.45:
            return cv2.GaussianBlur(ink, (0, 0), self.r.uniform(0.3, 0.05 * height if height > 16 else 0.7))
        if x < 0.52:
            far = int(self.r.integers(2, max(3, height // 10) + 1))
            return cv2.blur(ink, (far, 1) if self.chance(0.5) else (1, far))
        return ink

    def noisy(self, grey, ink):
        """Uneven light, broken ink, grain, salt and pepper."""
        r, (h, w) = self.r, grey.shape
        if self.chance(0.35):
            light = r.normal(0, r.uniform(3, 18), (2, max(2, w // h + 1))).astype(np.float32)
            grey = grey + cv2.resize(light, (w, h), interpolation=cv2.INTER_CUBIC)
        if self.chance(0.25):
            patches = cv2.GaussianBlur(r.normal(0, 1, (h, w)).astype(np.float32), (0, 0), r.uniform(0.8, 2.5))
            grey = grey + np.clip(patches * r.uniform(20, 120), 0, 120) * ink
        if self.chance(0.55):
            grey = grey + r.normal(0, r.uniform(2, 22), (h, w))
        if self.chance(0.06):
            grain = r.random((h, w))
            grey = np.where(grain < 0.01, 0, np.where(grain > 0.99, 255, grey))
        return grey
