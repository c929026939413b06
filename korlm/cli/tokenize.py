"""``korlm tokenize``: print the tokens or token ids of lines."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from korlm.cli.arguments import add_option, add_tokenizer_options, batch_lines, read_input_lines, tokenizer_options
from korlm.cli.output import print_json

HELP = ("글을 토큰으로 자른다", "split text into tokens")


def add_arguments(parser: ArgumentParser) -> None:
    add_option(parser, "files", "파일 (없으면 표준 입력)", "files (else standard input)", nargs="*")
    ko, en = "토크나이저 이름이나 폴더 [kiwi, --language en이면 word]", "name or folder [kiwi; word with --language en]"
    add_option(parser, "-t --tokenizer", ko, en)
    add_option(parser, "--ids", "토큰 대신 ID", "ids instead of tokens", action="store_true")
    add_tokenizer_options(parser)
    add_option(parser, "--no-stopwords", "불용어를 뺌 (낱말과 형태소)", "leave stop words out", action="store_true")
    add_option(parser, "--stopwords", "--no-stopwords에 쓸 목록 파일", "list for --no-stopwords", metavar="FILE")


def run(args: Namespace) -> None:
    """Print the tokens or token ids of each line, without stop words if asked."""
    from korlm.evaluation.compare import encoding_to_dict, format_segments
    from korlm.tokenizers.registry import load_tokenizer
    from korlm.tokenizers.stopwords import check_word_unit, drop_stopwords, list_segment_texts, load_stopwords

    default_name = "word" if args.language == "en" else "kiwi"
    name = default_name if args.tokenizer is None else args.tokenizer
    tokenizer = load_tokenizer(name, **tokenizer_options(args))
    stopwords = None
    if args.no_stopwords or args.stopwords:
        check_word_unit(tokenizer)
        stopwords = load_stopwords(language=args.language, stopwords=args.stopwords)
    # user and English words are printed whole, though the vocabulary may lack them
    prints_segments = stopwords is not None or args.language == "en" or args.user_dictionary
    for batch in batch_lines(read_input_lines(args.files)):
        for encoding in tokenizer.encode_batch(batch, workers=2):
            if stopwords is not None:
                encoding = drop_stopwords(encoding, stopwords)
            if args.json:
                print_json({"text": encoding.text, **encoding_to_dict(encoding)})
            elif args.ids:
                print(*encoding.ids)
            elif prints_segments:
                print(format_segments(list_segment_texts(encoding, keep_spaces=stopwords is None)))
            else:
                print(format_segments(encoding.tokens))
