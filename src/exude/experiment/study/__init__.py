"""The study of Messenger, Woo, Sun and Martin 2018 and its neighbours, run in silico and scored."""

from exude.experiment.study.run import Study, reproduce, say_size

__all__ = ["Study", "reproduce", "say_size"]
