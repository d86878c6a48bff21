"""The page, as a Space and `make run` start it. See fgsm/page/."""

from fgsm.page.start import run

if __name__ == "__main__":
    run()
