"""What each ``korlm`` command does with its parsed options; heavy libraries are imported by the one that needs them."""

from korlm.cli.evaluate import run_evaluate as run_evaluate
from korlm.cli.evaluate import run_segment as run_segment
from korlm.cli.hub import run_app as run_app
from korlm.cli.hub import run_card as run_card
from korlm.cli.hub import run_push as run_push
from korlm.cli.tokenize import run_compare as run_compare
from korlm.cli.tokenize import run_encode as run_encode
from korlm.cli.tokenize import run_export as run_export
from korlm.cli.tokenize import run_tokenize as run_tokenize
from korlm.cli.train import run_experiment_command as run_experiment_command
from korlm.cli.train import run_generate as run_generate
from korlm.cli.train import run_soup as run_soup
from korlm.cli.train import run_train as run_train
