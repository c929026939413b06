"""What each ``korlm`` command does with its parsed options; heavy libraries are imported by the one that needs them."""

from korlm.commands.learning import experiment as experiment
from korlm.commands.learning import generate as generate
from korlm.commands.learning import soup as soup
from korlm.commands.learning import train as train
from korlm.commands.measuring import evaluate as evaluate
from korlm.commands.measuring import segment as segment
from korlm.commands.sharing import app as app
from korlm.commands.sharing import card as card
from korlm.commands.sharing import push as push
from korlm.commands.tokenizing import compare as compare
from korlm.commands.tokenizing import encode as encode
from korlm.commands.tokenizing import export as export
from korlm.commands.tokenizing import tokenize as tokenize
