"""Natural-language understanding: text in, semantic frame out.

from nlu import Parser

parser = Parser.load("models/topv2")
print(parser.parse("message mum I'll be there at 6pm").frame)
"""

from nlu.parser import Parser, Prediction

__all__ = ["Parser", "Prediction"]
