"""What can go wrong before or while the product runs, each as one sentence for its administrator."""


class SupervisorError(Exception):
    """A sentence that says what is wrong and what to do; shown without a traceback."""


class HomeError(SupervisorError):
    """The data folder cannot be used."""


class ServiceError(SupervisorError):
    """An embedded service does not start, or does not stop."""


class SettingError(SupervisorError):
    """A setting is wrong; the sentence begins with its name."""


class BuildError(SupervisorError):
    """The front-end cannot be built."""
