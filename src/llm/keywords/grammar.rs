//! Rules of thumb on which words people use as tags: nouns and phrases that end in one, no verbs, no lone adjectives.
//! It is no tagger of parts of speech; a rule stands here only when it rarely hurts a noun.

use std::collections::HashSet;

/// Russian words that stop-word lists lack and that are no topic: reporting verbs, adverbs, measures, words of time.
pub(super) const RUSSIAN_NOISE: &str = "\
    сообщил сообщила сообщили сообщает сообщают сообщение заявил заявила заявили заявляет отметил отметила отметили рассказал рассказала рассказали рассказывает говорит говорят \
    пишет пишут написал написала написали считает считают стал стала стало стали станет станут начал начала начали начнет может могут смогут сможет будет будут имеет имеют \
    получил получила получили нашли нашел нашла показал показала показали выяснили оказалось оказался оказалась является являются позволяет позволит помогает поможет \
    также однако кроме поэтому например именно сейчас сегодня вчера завтра уже ещё еще более менее очень самый самая самые самое каждый каждая весь всего лишь почти около примерно \
    впервые недавно снова вместе теперь пока чтобы которые который которая которое которого которых которой которым котором тысяч тысячи тысяча миллион миллионов миллиона миллиарда миллиардов \
    млн млрд тыс руб рублей рубля процент процента процентов год года году годов лет месяц месяца месяцев неделя недели неделю день дня дней дни часов часа час минут минуты секунд \
    январь января февраль февраля март марта апрель апреля мая июнь июня июль июля август августа сентябрь сентября октябрь октября ноябрь ноября декабрь декабря \
    понедельник вторник среду четверг пятницу субботу воскресенье утром днем вечером ночью раз раза первый первая второй третий один одна два две три четыре пять шесть семь восемь девять десять \
    человек людей люди человека время времени место места часть части случай случае дело дела вопрос образом словам данным результате помощью рамках качестве течение подробнее подробности читать читайте \
    далее ссылка ссылке ссылку канал канале подписаться подписывайтесь пост посте фото видео источник реклама новости новость нужно надо можно нельзя просто вообще кстати сразу ранее затем потом \
    своей свой свои своего своих своим другой другие других друг друга многие много мало несколько большой большая большие большой новый новая новое новые нового новой новых хороший лучший лучшие \
    такой такая такое такие этот эта этом этой этого этих тот того тому том там тут здесь где когда почему зачем сколько какой какая какие каком ваш ваша ваши наш наша наши нас вас вам нам \
    стоит среди против перед после между через около ради согласно благодаря вокруг внутри вместо несмотря говорить сделать делать знать думать хотят хочет хочу идет идут пришел пришла \
    какое какого каким случаев живём знаете задонатьте увидели выглядят погиб период возможности целям \
    трлн забудьте прежде целом комментарий комментарии статью статьи статья поделитесь ждем ждём готовим достигло даны лучше мест стране нужное голосуйте напишите \
    часу градуса градусов метров метра квадратных километров км расскажу решение опыт итоги работа работы практике столице возможность ошибка сравнению отличие объявили обогнал обогнала устал \
    ученые учёные ученых учёных специалисты эксперты исследователи авторы автор стоимость количество число чел шт кв тема темы теме друзья привет спасибо делимся рассказываем собрали \
    запускает запускают предлагает предлагают ожидается возможное проходит проходят появится появился появилась состоится будут стали нужны нужна нужен должен должна должны удалось \
    которую какие-то что-то кто-то как-то где-то когда-то из-за из-под всё все всех всем этим всегда никогда иногда часто редко больше меньше лучше хуже выше ниже";

/// English words that stop-word lists lack and that are no topic.
pub(super) const ENGLISH_NOISE: &str = "\
    said says told reported according also just like get got make made makes making use used using new one two three first last year years day days week month time today yesterday \
    million billion thousand percent people way thing things lot read more subscribe channel link post photo video source via will would could should may might much many still even \
    really going want need know think see look take come back well good great best better big long every another since however including include includes";

/// True when a keyphrase could be a tag by its form.
pub(super) fn could_be_topic(phrase: &str, russian: bool, stop: &HashSet<String>) -> bool {
    let words: Vec<&str> = phrase.split_whitespace().collect();
    let (Some(first), Some(last)) = (words.first(), words.last()) else { return false };
    let plain =
        |word: &str| word.chars().all(|c| c.is_alphabetic() || c == '-' || c == '’' || c == '\'') && word.chars().count() >= 3;
    if !words.iter().all(|word| plain(word) && !stop.contains(&word.to_lowercase())) {
        return false;
    }
    if words.len() == 2 && first.eq_ignore_ascii_case(last) || words.iter().any(|word| is_mixed_script(word)) {
        return false;
    }
    if !russian || !last.chars().any(is_cyrillic) {
        return !(last.to_lowercase().ends_with("ly") && last.len() > 4);
    }
    let named = |word: &str| word.chars().next().is_some_and(char::is_uppercase);
    if words.iter().any(|word| is_verb(&word.to_lowercase()) && !is_acronym(word)) {
        return false;
    }
    // A phrase ends in its noun; "российский" alone is none, "Чайковский" written large inside a sentence may be.
    if is_adjective(&last.to_lowercase())
        && !(named(last) && words.len() == 2 && named(first) && !is_adjective(&first.to_lowercase()))
    {
        return false;
    }
    true
}

/// Factor on a phrase's score; less is better.
pub(super) fn weight(phrase: &str, prose: &str) -> f64 {
    let words: Vec<&str> = phrase.split_whitespace().collect();
    let named = words.iter().all(|word| word.chars().next().is_some_and(char::is_uppercase));
    let mut weight = 1.0;
    if words.iter().all(|word| is_acronym(word)) && words.len() == 1 {
        weight *= 0.5;
    }
    if words.len() == 2 {
        let adjective_and_noun =
            is_adjective(&words[0].to_lowercase()) && agrees(&words[0].to_lowercase(), &words[1].to_lowercase());
        // YAKE multiplies scores, so that any two words beat one; a pair must be a name, a known pattern, or come again.
        let pair = named || adjective_and_noun || prose.matches(phrase).count() > 1;
        weight *= if pair { 1.0 } else { 12.0 };
    }
    weight
}

/// An adjective and a noun side by side in endings that go together.
fn agrees(adjective: &str, noun: &str) -> bool {
    const PAIRS: [(&[&str], &[&str]); 9] = [
        (
            &["ый", "ий", "ой"],
            &[
                "б", "в", "г", "д", "ж", "з", "к", "л", "м", "н", "п", "р", "с", "т", "ф", "х", "ц", "ч", "ш", "щ", "й", "ь",
                "е", "ы", "и",
            ],
        ),
        (&["ая", "яя"], &["а", "я", "ь"]),
        (&["ое", "ее"], &["о", "е", "я"]),
        (&["ые", "ие"], &["ы", "и", "а", "я", "е"]),
        (&["ого", "его"], &["а", "я", "и", "ы"]),
        (&["ую", "юю"], &["у", "ю", "ь"]),
        (&["ым", "им"], &["ом", "ем", "ём", "ам", "ям"]),
        (&["ых", "их"], &["ов", "ев", "ей", "ах", "ях", "й", "к", "ц", "н", "т", "л", "р"]),
        (&["ому", "ему", "ом", "ем"], &["у", "ю", "е", "и"]),
    ];
    PAIRS
        .iter()
        .any(|(left, right)| left.iter().any(|end| adjective.ends_with(end)) && right.iter().any(|end| noun.ends_with(end)))
}

fn is_cyrillic(c: char) -> bool {
    matches!(c, '\u{400}'..='\u{52f}')
}

fn is_mixed_script(word: &str) -> bool {
    // "IT-компания" is a word, "Mocква" with Latin letters is a trick.
    word.split('-').any(|part| part.chars().any(is_cyrillic) && part.chars().any(|c| c.is_ascii_alphabetic()))
}

fn is_acronym(word: &str) -> bool {
    word.chars().count() >= 2 && word.chars().all(|c| c.is_uppercase() || c.is_ascii_digit() || c == '-')
}

/// Lists of endings and words below are separated by spaces.
fn ends(word: &str, endings: &str) -> bool {
    endings.split_whitespace().any(|ending| word.len() > ending.len() + 2 && word.ends_with(ending))
}

fn is_one_of(word: &str, words: &str) -> bool {
    words.split_whitespace().any(|known| known == word)
}

/// Endings that nouns hardly ever have.
fn is_verb(word: &str) -> bool {
    if is_one_of(word, VERBLIKE_NOUNS) || ends(word, "ость есть") {
        return false;
    }
    let reflexive =
        ends(word, "ться тся лся лась лось лись ешься ишься емся имся йтесь итесь вшись ясь аяся ийся иеся ееся ихся");
    let infinitive = ends(word, "ать ять еть ить уть оть ыть зти сти йти") && !ends(word, "ости асти ести сети");
    let present = ends(
        word,
        "ает яет ует юет еет оет ают яют уют юют еют оют ишь ешь ёшь ите йте аете уете ходит ходят водит водят носит носят глядит глядят оем аём аем уем яем",
    );
    let past = ends(
        word,
        "вал вала вало вали нул нула нуло нули рил рила рили жил жила жили чил чила чили шил шила шили вил вила вило сил сила дил дила тил тила лил шел шла шло шли яла",
    );
    // "детали", "писатели" and "автомобили" are nouns, "сообщали" is none.
    let plural = ends(word, "али яли ели или ули ыли гли кли оли")
        && !ends(
            word,
            "тели недели модели отдели цели детали медали мебели мобили стили профили роли пароли короли контроли кефали",
        );
    // Adverbs: "возможно"; few nouns end so.
    let adverb =
        ends(word, "но") && !ends(word, "окно вино кино зерно полотно пятно судно казино волокно бревно звено домино сукно");
    reflexive || infinitive || present || past || plural || adverb
}

/// Nouns that the rules above would take for verbs.
const VERBLIKE_NOUNS: &str = "печать память область кровать тетрадь площадь нефть сеть нить медь мать зять рать стать знать треть четверть плеть рукоять \
    сюжет элите кредите лимите орбите защите интервал карнавал сила правила подвал провал обвал развал перевал могила горилла одеяла клиент";

/// Endings of adjectives and participles.
fn is_adjective(word: &str) -> bool {
    ends(
        word,
        "ый ая яя ое ые ого ому ым ыми ых ную кую вую щую шую тую юю ский ской ском ским скими ских цкий цкой цком ний щий щие щих щим щими щее щей щем \
         вший вшие вших вшего ной ные ных жий жих чий чих чим ший шие ших шим шими шой шем шней ние гие кие хие гих ких хих кими гим ким хим гий кий хий кой гой хой",
    ) && !ends(word, "ение ание яние ствие стие тие ений аний яний ариев")
        && !is_one_of(word, ADJECTIVELIKE_NOUNS)
}

/// Nouns that decline like adjectives or look like them.
const ADJECTIVELIKE_NOUNS: &str = "гений войной страной стороной весной волной ценой женой луной животное животные животных насекомое насекомые учёные учёных \
    ученые ученых данные данных рабочие рабочих военные военных млекопитающие вселенная вселенной столовая будущее прошлое русские русских змея шея стая \
    алюминий сценарий комментарий критерий рукой рекой ногой книгой наукой техникой политикой экономикой музыкой физикой герой герои строй застройкой";
