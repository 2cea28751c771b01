"""The words labels are made of: lists of our own, and the running text of posts."""
import json
import re

from charset import INDEX, fold
from paths import ENGLISH_WORDS, POSTS

VALIDATION_POSTS = 200  # the last posts of the file are never trained on

COMMON_ENGLISH = """the of and to in is that for it as was with be by on not he his but at are this have from or had an they
which one you were all her she there would their we him been has when who will no more if out so up said what its about
than into them can only other time new some could these two may first then do any like my now over such our man me even
most made after also did many off before must well back through years where much your way down should because long
people state world still government American market report bank price year month quarter company data model system
software update version release server client error file open close network security license agreement contract total
amount invoice date number address phone street city country name order payment account balance tax rate percent growth
sales revenue profit income loss statement annual public private research study results percent million billion news
today week against between under during without around however while another because every those never found three four
five six group country problem hand part place case point company work service power light water change""".split()

OFFICE = """договор соглашение общество с ограниченной ответственностью ООО ОАО ПАО АО ИП ФГУП ГОСТ СНиП НДС НДФЛ ИНН КПП
ОГРН БИК ОКПО ОКВЭД р/с к/с л/с счёт счет-фактура накладная акт приказ постановление распоряжение указ закон статья
пункт подпункт часть абзац приложение таблица рисунок глава раздел директор генеральный бухгалтер главный подпись печать
заказчик исполнитель подрядчик поставщик покупатель плательщик получатель банк отделение филиал сумма прописью итого всего
руб. коп. тыс. млн млрд шт. кг м² м³ км/ч год г. гг. месяц квартал январь февраль март апрель май июнь июль август сентябрь
октябрь ноябрь декабрь понедельник вторник среда четверг пятница суббота воскресенье Фамилия Имя Отчество дата рождения
паспорт серия номер выдан адрес регистрации улица ул. дом д. корп. стр. кв. область обл. край республика район город
индекс телефон тел. факс e-mail сайт наименование единица измерения количество цена стоимость без учёта налога ставка
Российская Федерация Министерство Правительство Государственная Дума Федеральный Совет Федерации суд решение определение
показатель изменение примечание план факт отклонение доля процент индекс объём темп прирост население территория субъект
образование наука культура здравоохранение оборона бюджет расходы доходы фонд пенсионный социальный страхование
настоящий указанный вышеуказанный соответствии требованиями порядке установленном законодательством обязательства стороны
ответственность срок действия исполнение ненадлежащее форс-мажор обстоятельства непреодолимой силы персональные данные
субъект оператор обработка сведения информация доступ защита конфиденциальность согласие съезд подъезд объявление въезд
ъ ы ё ещё всё её мое ёлка объект съёмка щётка чащ экран эхо этот юг июнь яблоко цвет цифра филин фраза""".split()

UKRAINIAN_BELARUSIAN_WORDS = """її їжа їхати Україна Київ Харків Львів Запоріжжя Дніпро місто вулиця річ кінь ґрунт ґанок ґудзик є єдність
Європа об’єкт п’ять під від він із між після рішення країни закон зміни підприємство інформація діяльність українська
Беларусь Мінск Гродна быў ён яна гэта ўсё ўлада праўда воўк ніў дзень мова краіна слоўнік Нёман шчырасць вялікі міністр
ў і не на у з да з’езд аб’ект Іван Їжакевич Єгор Ґалаґан Ўладзімір ІНСТИТУТ КИЇВ ЄВРОПА ДЕРЖАВНИЙ БЕЛАРУСЬ УЎ""".split()

BRANDS = """iPhone Android Windows Linux Google Apple YouTube Telegram WhatsApp GitHub Python JavaScript TypeScript C++ C# .NET
Node.js PostgreSQL MySQL Docker Kubernetes Wi-Fi Bluetooth USB-C HDMI GPS LTE 5G AI ML GPU CPU RAM SSD NVIDIA RTX AMD Intel
ChatGPT GPT-4 OpenAI Tesla SpaceX NASA BMW Mercedes-Benz Toyota Netflix Instagram Facebook Twitter X Reddit Visa MasterCard
PayPal SWIFT PDF DOCX XLSX HTML CSS JSON XML HTTP HTTPS API SDK SQL VPN DNS IP TCP QR NFC COVID-19 DIY VIP PR HR IT SMM SEO
Microsoft Office Excel Word PowerPoint Adobe Photoshop Firefox Chrome Safari Samsung Galaxy Xiaomi Huawei Sony PlayStation
Xbox Steam Nintendo""".split()

TLDS = ["ru", "com", "org", "net", "рф", "su", "io", "me", "dev", "ua", "by", "app"]
MONTHS = "января февраля марта апреля мая июня июля августа сентября октября ноября декабря".split()
SURNAMES = """Иванов Петров Сидорова Кузнецов Смирнова Попов Васильева Соколов Михайлов Новикова Фёдоров Морозов Волкова
Алексеев Лебедева Семёнов Егорова Павлов Козлов Степанова Щербаков Юдин Эйхман Яшин Цветаева Чехов Шмидт Жуков""".split()
ABBREVIATIONS = "НДС ООО ФЗ МВД США СССР НДФЛ ВВП РФ ОСАГО ЗАО ЕС ЗИЛ ГОСТ ЕГЭ ООН РЗД ЭВМ ВОЗ СНГ".split()


def english_words():
    """The dictionary's words that the alphabet can spell."""
    lines = ENGLISH_WORDS.read_text(encoding="utf-8").splitlines()
    return [word for word in (line.strip() for line in lines) if word and all(c in INDEX for c in word)]


def paragraphs(validation):
    """Paragraphs of plain text from the open posts, Markdown removed; with `validation` those of the held-out posts."""
    posts = [json.loads(line)["text"] for line in POSTS.read_text(encoding="utf-8").splitlines()]
    posts = posts[-VALIDATION_POSTS:] if validation else posts[:-VALIDATION_POSTS]
    found = []
    for text in posts:
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", fold(text))
        text = re.sub(r"\*\*|__|~~|`+|\|\|", "", text)
        for paragraph in text.split("\n"):
            paragraph = "".join(c if c in INDEX else " " for c in paragraph)
            paragraph = re.sub(r"\s+", " ", paragraph).strip()
            if len(paragraph) >= 3:
                found.append(paragraph)
    return found
