"""What each ``korlm`` command does with its parsed options; heavy libraries are imported by the one that needs them."""

from korlm.commands.learning import run_experiment_command as run_experiment_command
from korlm.commands.learning import run_generate as run_generate
from korlm.commands.learning import run_soup as run_soup
from korlm.commands.learning import run_train as run_train
from korlm.commands.measuring import run_evaluate as run_evaluate
from korlm.commands.measuring import run_segment as run_segment
from korlm.commands.sharing import run_app as run_app
from korlm.commands.sharing import run_card as run_card
from korlm.commands.sharing import run_push as run_push
from korlm.commands.tokenizing import run_compare as run_compare
from korlm.commands.tokenizing import run_encode as run_encode
from korlm.commands.tokenizing import run_export as run_export
from korlm.commands.tokenizing import run_tokenize as run_tokenize
