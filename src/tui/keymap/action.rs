//! The sections and actions that a keymap may name, each with its words for footer, help and palette.
//! What an action does is `update`'s.

/// A closed list whose entries have a name in the file and words for the help.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal, $short:literal, $long:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $(#[doc = $long] $variant,)* }

        impl $name {
            /// All of them, in the order of the help.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name in the file.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// One or two words, for the footer.
            pub const fn short(self) -> &'static str {
                match self { $(Self::$variant => $short),* }
            }

            /// A phrase, for the help.
            pub const fn long(self) -> &'static str {
                match self { $(Self::$variant => $long),* }
            }

            pub(super) fn named(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|entry| entry.as_str() == word)
            }
        }
    };
}

named! {
    /// Where a key works.
    Section {
        Overview = "overview", "Overview", "On the overview";
        Failed = "failed", "Failed", "On the failed posts";
        Log = "log", "Log", "On the log";
        Ocr = "ocr", "OCR", "On the images";
        Outputs = "outputs", "Outputs", "On the outputs";
        Object = "object", "Output", "On one output";
        Image = "image", "Image", "On an open image";
        Detail = "detail", "Post", "On an open post";
        Kinds = "kinds", "Events", "Choosing kinds of events";
        Answer = "answer", "Answer", "On an open answer";
        Confirm = "confirm", "Question", "Answering a question";
        Prompt = "prompt", "Typing", "While typing";
        Popup = "popup", "Window", "In a window";
        Motion = "motion", "Moving", "Moving about";
        Panes = "panes", "Everywhere", "On every pane";
        Always = "always", "Always", "Always";
    }
}

named! {
    /// What a key can ask for.
    Action {
        Retry = "retry", "retry", "retry what is marked, or this post";
        RetryAll = "retry_all", "retry all", "retry all failed posts with passes left; asks first";
        Force = "force", "force", "retry with all passes given back; asks first";
        Regenerate = "regenerate", "regenerate", "tag this post anew; asks first when it has tags";
        RegenerateWith = "regenerate_with", "other model", "tag this post anew with a model of your choice";
        Answers = "answers", "answers", "what models answered about this post, as it came";
        NextAnswer = "next_answer", "newer", "the answer to the next call";
        PreviousAnswer = "previous_answer", "older", "the answer to the call before";
        EditTags = "edit_tags", "tags", "write this post's tags by hand";
        Skip = "skip", "skip", "skip what is marked, or this post; asks first";
        Open = "open", "detail", "show the line under the cursor whole";
        Mark = "mark", "mark", "mark this line, or take the mark away";
        MarkRange = "mark_range", "range", "mark a range from here to where the cursor goes";
        MarkAll = "mark_all", "all", "mark everything the filter matches";
        CycleStatus = "cycle_status", "status", "show one status after the other";
        CycleClass = "cycle_class", "class", "show one class of errors after the other";
        Kinds = "kinds", "kinds", "choose levels and kinds of events";
        ToggleKind = "toggle_kind", "show", "show this level or kind, or leave it out";
        OnlyKind = "only_kind", "only this", "show only this level or kind";
        EveryKind = "every_kind", "all", "show every kind again";
        Group = "group", "causes", "show the causes, or the posts again";
        Sort = "sort", "sort", "put the list in another order";
        Filter = "filter", "filter", "narrow the list by fields and words";
        ClearFilter = "clear_filter", "clear", "take marks away, then show everything again";
        Reread = "reread", "read again", "read what is marked, or this image, again";
        CancelReading = "cancel_reading", "cancel", "cancel the reading of what is marked, or of this";
        Submit = "submit", "add files", "have files and folders read, by their paths";
        OpenPost = "open_post", "post", "show the post this line is about";
        Reload = "reload", "reload", "list again from the beginning";
        Parent = "parent", "folder up", "one folder up";
        Order = "order", "order", "in folders, the newest first, or all by name";
        Verify = "verify", "verify", "compare database and blob store, or stop that";
        CopyKey = "copy_key", "copy key", "copy its key to the clipboard";
        CopyLink = "copy_link", "copy link", "copy a link that works for an hour";
        Download = "download", "download", "download it; asks for the folder";
        Delete = "delete", "delete", "delete it; the word has to be typed";
        Picture = "picture", "image", "show the image it was read from";
        Fold = "fold", "fold", "fold JSON less or more";
        OutputsOf = "outputs_of", "outputs", "to what was stored of its image";
        Search = "search", "search", "look for words in the lines";
        SearchNext = "search_next", "next found", "to the next line that holds them";
        SearchPrevious = "search_previous", "last found", "to the line before that holds them";
        Copy = "copy", "copy", "copy what is under the cursor to the clipboard";
        Export = "export", "export", "write the list to a file: CSV or JSON lines";
        Screenshot = "screenshot", "screenshot", "write this screen to a text file";
        Follow = "follow", "follow", "follow the newest event, or hold still";
        Accept = "accept", "yes", "do the marked thing";
        Complete = "complete", "complete", "complete what was typed";
        Close = "close", "close", "close, changing nothing";
        Up = "up", "up", "one up";
        Down = "down", "down", "one down";
        PageUp = "page_up", "page up", "one page up";
        PageDown = "page_down", "page down", "one page down";
        First = "first", "first", "to the newest line, to the top of a text";
        Last = "last", "last", "to the end of what is loaded; in the log: follow";
        Count = "count", "count", "a count before a motion; before G the line to go to";
        Grow = "grow", "more below", "more room for the part below the list";
        Shrink = "shrink", "less below", "less room for the part below the list";
        Times = "times", "times", "how long ago, or at what time";
        Mouse = "mouse", "mouse", "let the mouse work here, or leave it to the terminal";
        Zoom = "zoom", "zoom", "the list alone on the whole screen, and back";
        Pause = "pause", "pause", "pause the engine, or let it go on";
        Resume = "resume", "resume", "end every pause now, those of quotas too";
        Undo = "undo", "undo", "take back what waits to be done";
        Overview = "overview", "overview", "the overview";
        Failed = "failed", "failed", "the failed posts";
        Log = "log", "log", "the log";
        Ocr = "ocr", "OCR", "the images";
        Outputs = "outputs", "outputs", "the outputs";
        NextPane = "next_pane", "next", "the next pane";
        PreviousPane = "previous_pane", "previous", "the pane before";
        Palette = "palette", "command", "find a command by its name";
        Doctor = "doctor", "doctor", "look whether everything that is needed is there";
        Help = "help", "help", "these keys";
        Quit = "quit", "quit", "leave; what is in flight is finished or given back";
        Drain = "drain", "drain", "claim nothing more; leave when all in flight is done";
        QuitAtOnce = "quit_at_once", "quit", "leave, from any window too";
        Redraw = "redraw", "redraw", "draw the whole screen again";
        Suspend = "suspend", "suspend", "back to the shell; `fg` returns";
    }
}
