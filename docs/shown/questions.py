"""The two questions that learners ask, answered."""

import varprop as vp
from varprop.render import Document


def cancellation() -> vp.Answer:
    """Large signed terms can cancel: why make each of them small?"""
    return vp.answer("cancellation")


def vanishing() -> vp.Answer:
    """A product of two small numbers is tiny: why do gradients not vanish?"""
    return vp.answer("vanishing")


def cancellation_pictures() -> Document:
    """What the answer draws."""
    return Document(picture.lines for picture in cancellation().pictures)


def vanishing_pictures() -> Document:
    """What the answer draws."""
    return Document(picture.lines for picture in vanishing().pictures)


def lucky() -> vp.Bounds:
    """How probable it is at most that a sum of n products ends ten standard deviations from zero."""
    z = vp.dot(weights=vp.Normal(variance="1/n"), inputs=vp.Unknown(mean=0, variance=1), fan_in="n")
    return vp.bounds(z, 10)
