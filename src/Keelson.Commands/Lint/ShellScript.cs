// What a shell script starts, near enough to find usual mistakes: words, quotes, here-documents, comments and compound
// commands are read as sh(1) has them; what is computed stays as it is written. Whatever the text, reading it ends. Pure.
using System.Text;

namespace Keelson.Commands.Lint;

/// <summary>A command of a script.</summary>
/// <param name="line">The line of its first word, from 1.</param>
/// <param name="words">Its words without quotes and redirections.</param>
/// <param name="depth">In how many compound commands it stands.</param>
/// <param name="before">What joins it to the command before: | or && and so on; "" for none.</param>
/// <param name="after">What ends it: a newline, ; or &, or what joins it to the next.</param>
/// <param name="isCompound">The end of a compound command: its words are fi, done, esac, } or ).</param>
public sealed class ShellCommand(int line, IReadOnlyList<string> words, int depth, string before, string after, bool isCompound)
{
    public int Line => line;
    public IReadOnlyList<string> Words => words;
    public int Depth => depth;
    public string Before => before;
    public string After => after;
    public bool IsCompound => isCompound;
}

public sealed class ShellScript
{
    private readonly string _text;
    private readonly List<ShellCommand> _commands = [];
    private readonly List<string> _words = [];
    private readonly List<string> _functions = [];
    private readonly List<(string Word, bool StripTabs)> _hereDocuments = [];
    private readonly List<string> _open = [];
    private readonly StringBuilder _word = new();
    private int _at;
    private int _line = 1;
    private int _firstLine;
    private bool _inWord;
    private bool _skipNextWord;
    private bool _hereNext;
    private bool _hereTabs;
    private bool _inPattern;
    private string _before = "";

    private ShellScript(string text) => _text = text;

    public IReadOnlyList<ShellCommand> Commands => _commands;

    /// <summary>The names of its functions.</summary>
    public IReadOnlyList<string> Functions => _functions;

    public static ShellScript Read(string text)
    {
        var script = new ShellScript(text);
        script.ReadAll();
        return script;
    }

    private char Current => _at < _text.Length ? _text[_at] : '\0';
    private char Next => _at + 1 < _text.Length ? _text[_at + 1] : '\0';
    private string Innermost => _open.Count > 0 ? _open[^1] : "";

    private void ReadAll()
    {
        while (_at < _text.Length)
        {
            char c = _text[_at++];
            switch (c)
            {
                case '\\':
                    if (_at == _text.Length)
                        break;
                    if (_text[_at++] is var escaped && escaped != '\n')
                        Append(escaped);
                    else
                        _line++;
                    break;
                case '\'':
                    Quoted('\'');
                    break;
                case '"':
                    DoubleQuoted();
                    break;
                case '`':
                    Raw(c, Until('`'));
                    break;
                case '$' when Current is '(' or '{':
                    Raw(c, Bracketed());
                    break;
                case '#' when !_inWord:
                    while (_at < _text.Length && Current != '\n')
                        _at++;
                    break;
                case ' ' or '\t' or '\r':
                    EndWord();
                    break;
                case '\n':
                    EndCommand("\n");
                    _line++;
                    SkipHereDocuments();
                    break;
                case '<' or '>':
                    Redirection(c);
                    break;
                case '&' when Current == '>':
                    EndWord();
                    _at++;
                    _skipNextWord = true;
                    break;
                case ';' or '&' or '|':
                    Operator(c);
                    break;
                case '(':
                    OpenBracket();
                    break;
                case ')':
                    CloseBracket();
                    break;
                default:
                    Append(c);
                    break;
            }
        }
        EndCommand("\n");
    }

    private void Append(char c)
    {
        if (!_inWord && _words.Count == 0)
            _firstLine = _line;
        _inWord = true;
        _word.Append(c);
    }

    private void Raw(char first, string rest)
    {
        Append(first);
        _word.Append(rest);
    }

    private void Quoted(char quote)
    {
        Begin();
        while (_at < _text.Length && _text[_at++] is var c && c != quote)
            Inside(c);
    }

    private void DoubleQuoted()
    {
        Begin();
        while (_at < _text.Length && _text[_at++] is var c && c != '"')
        {
            if (c == '\\' && _at < _text.Length)
                c = _text[_at++];
            else if (c == '$' && Current is '(' or '{')
            {
                _word.Append(c).Append(Bracketed());
                continue;
            }
            Inside(c);
        }
    }

    /// <summary>A word may be empty: ''.</summary>
    private void Begin()
    {
        if (!_inWord && _words.Count == 0)
            _firstLine = _line;
        _inWord = true;
    }

    private void Inside(char c)
    {
        if (c == '\n')
            _line++;
        _word.Append(c);
    }

    private string Until(char end)
    {
        int start = _at;
        while (_at < _text.Length && _text[_at++] is var c && c != end)
        {
            if (c == '\n')
                _line++;
            if (c == '\\' && _at < _text.Length)
                _line += _text[_at++] == '\n' ? 1 : 0;
        }
        return _text[start.._at];
    }

    /// <summary>From a bracket to the one that closes it, quotes passed over.</summary>
    private string Bracketed()
    {
        int start = _at, depth = 0;
        while (_at < _text.Length)
        {
            char c = _text[_at++];
            if (c == '\n')
                _line++;
            if (c == '\\' && _at < _text.Length)
                _line += _text[_at++] == '\n' ? 1 : 0;
            else if (c == '\'')
                Until('\'');
            else if (c is '(' or '{')
                depth++;
            else if (c is ')' or '}' && --depth <= 0)
                break;
        }
        return _text[start.._at];
    }

    private void Redirection(char c)
    {
        // The number of a descriptor belongs to it.
        if (_inWord && IsNumber(_word))
        {
            _word.Clear();
            _inWord = false;
        }
        EndWord();
        if (c == '<' && Current == '<' && Next != '<')
        {
            _at++;
            _hereTabs = Current == '-';
            if (_hereTabs)
                _at++;
            _hereNext = true;
            return;
        }
        while (Current is '<' or '>' or '&' or '|')
            _at++;
        _skipNextWord = true;
    }

    private static bool IsNumber(StringBuilder word)
    {
        for (int i = 0; i < word.Length; i++)
        {
            if (!char.IsAsciiDigit(word[i]))
                return false;
        }
        return word.Length > 0;
    }

    private bool IsPattern => _inPattern && Innermost == "case";

    private void Operator(char c)
    {
        if (c == '|' && IsPattern)
        {
            EndWord();
            _words.Clear();
            return;
        }
        string text = c.ToString();
        if (Current == c)
        {
            text += c;
            _at++;
        }
        else if (c == '|' && Current == '&')
        {
            _at++;
        }
        EndCommand(text);
        if (text == ";;")
            _inPattern = true;
    }

    private void OpenBracket()
    {
        if (_words.Count == 0 && !_inWord)
        {
            // ( in front of a pattern of case closes with it.
            if (Innermost != "case")
                Open("(");
            return;
        }
        EndWord();
        while (Current is ' ' or '\t')
            _at++;
        if (Current != ')' || _words.Count is < 1 or > 2)
            return;
        _at++;
        _functions.Add(_words[^1]);
        _words.Clear();
    }

    private void CloseBracket()
    {
        if (Innermost == "case")
        {
            EndWord();
            _words.Clear();
            _inPattern = false;
            return;
        }
        EndCommand("");
        if (Innermost == "(")
            Close(")");
    }

    private void Open(string what) => _open.Add(what);

    private void Close(string word)
    {
        if (_open.Count > 0)
            _open.RemoveAt(_open.Count - 1);
        _inPattern = false;
        // What stands behind it, as in `done &`, is this command's end.
        _words.Add(word);
        _firstLine = _line;
    }

    private void EndWord()
    {
        if (!_inWord)
            return;
        string word = _word.ToString();
        _word.Clear();
        _inWord = false;
        if (_hereNext)
        {
            _hereDocuments.Add((word, _hereTabs));
            _hereNext = false;
        }
        else if (_skipNextWord)
        {
            _skipNextWord = false;
        }
        else if (_words.Count > 0 || IsPattern && word != "esac" || !Reserved(word))
        {
            _words.Add(word);
        }
        else if (_words.Count == 0)
        {
            _firstLine = _line;
        }
    }

    /// <summary>Takes a word at the beginning of a command that is the shell's own.</summary>
    private bool Reserved(string word)
    {
        switch (word)
        {
            case "if" or "while" or "until" or "{":
                Open(word);
                return true;
            case "then" or "elif" or "else" or "do" or "!" or "time":
                return true;
            case "for" or "select" or "case":
                Open(word);
                // Its head is no command: up to `in`, or the end of the line.
                while (_at < _text.Length && Current is not ('\n' or ';') && !(word == "case" && IsAt(" in")))
                    _at++;
                if (word == "case" && IsAt(" in"))
                    _at += 3;
                _inPattern = word == "case";
                return true;
            case "function":
                while (Current is ' ' or '\t')
                    _at++;
                int start = _at;
                while (_at < _text.Length && !char.IsWhiteSpace(Current) && Current is not ('(' or '{' or ';'))
                    _at++;
                _functions.Add(_text[start.._at]);
                if (Current == '(' && Next == ')')
                    _at += 2;
                return true;
            case "fi" or "done" or "esac" or "}":
                Close(word);
                return true;
            default:
                return false;
        }
    }

    private bool IsAt(string text) => string.CompareOrdinal(_text, _at, text, 0, text.Length) == 0 && (_at + text.Length >= _text.Length || char.IsWhiteSpace(_text[_at + text.Length]));

    private void EndCommand(string after)
    {
        EndWord();
        _skipNextWord = _hereNext = false;
        if (_words.Count > 0)
        {
            bool compound = _words[0] is "fi" or "done" or "esac" or "}" or ")";
            _commands.Add(new(_firstLine, _words.ToArray(), _open.Count, _before, after, compound));
            _words.Clear();
            _before = after is "|" or "&&" or "||" ? after : "";
        }
        else if (after is not "\n")
        {
            _before = after is "|" or "&&" or "||" ? after : "";
        }
    }

    private void SkipHereDocuments()
    {
        foreach ((string end, bool stripTabs) in _hereDocuments)
        {
            while (_at < _text.Length)
            {
                int newline = _text.IndexOf('\n', _at);
                string line = newline < 0 ? _text[_at..] : _text[_at..newline];
                _at = newline < 0 ? _text.Length : newline + 1;
                _line++;
                if ((stripTabs ? line.TrimStart('\t') : line) == end)
                    break;
            }
        }
        _hereDocuments.Clear();
    }
}
