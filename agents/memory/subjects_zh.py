"""The same in Chinese: `我的狗叫旺财`, `我住在罗马`; not `我叫了外卖`, `我的女儿是医生`."""

from __future__ import annotations

import re

_FIRST = r"(?:(?:现在|現在|目前|其实|其實|对了|對了|不对|不對|你好|嗨|而且|但是?|不过|不過)[，,、！!]?\s*)*"
_NOW = r"(?:现在|現在|目前|其实|其實|已经|已經)*"
_SURNAMES = (
    "李王张張刘劉陈陳杨楊赵趙黄黃周吴吳徐孙孫胡朱高林何郭马馬罗羅梁宋郑鄭谢謝韩韓唐冯馮于董萧蕭程曹袁邓鄧许許"
    "傅沈曾彭吕呂苏蘇卢盧蒋蔣蔡贾賈丁魏薛叶葉阎余潘杜戴夏钟鍾汪田任姜范方石姚谭譚廖邹鄒熊金陆陸郝孔白崔康毛邱秦"
    "江史顾顧侯邵孟龙龍万段雷钱錢汤湯尹黎易常武乔喬贺賀赖賴龚龔文庞樊兰殷施陶洪翟安颜倪严牛温芦季俞章鲁葛伍韦申"
    "尤毕聂丛焦向柳邢骆岳齐梅莫庄辛管祝左涂谷祁时舒耿牟卜詹关苗凌费纪靳盛童欧甄项曲成游阳裴席卫查屈鲍位覃霍翁隋"
    "植甘景薄单包司柏宁柯阮桂闵解强柴华车冉房边辜吉饶刁瞿戚丘古米池滕晋苑邬臧畅宫来嵺苟全褚廉简娄盖符奚木穆党燕"
)
_VERBAL = "了得不声聲着著过過个個起很都也在来來去我他她它你的吧吗嗎呢啊把被给給跟让讓和与與或是有没沒就还還再又"
_NO_PLACE = "了得不着著过過个個很的跟和与與或是有没沒"
_HAN = rf"(?:(?![{_VERBAL}])[\u3400-\u9fff]){{1,4}}"
_LATIN = r"[A-Z][\w.'-]*(?: [A-Z][\w.'-]*){0,2}"
_PERSON = re.compile(
    rf"(?:[{_SURNAMES}](?:(?![{_VERBAL}])[\u3400-\u9fff]){{1,2}}|[小阿老](?![{_VERBAL}])[\u3400-\u9fff]|{_LATIN})"
)
_TITLE = r"(?:医生|醫生|大夫|老师|老師|先生|女士|太太|经理|經理|教授|律师|律師|师傅|師傅|博士|总|總)"
_TITLED = re.compile(rf".*{_TITLE}|马上|馬上|.*(?:外卖|外賣|过来|回来|吃饭|帮忙)")
_NAME = re.compile(rf"{_HAN}|{_LATIN}")
_WHO = re.compile(rf"[{_SURNAMES}](?:[\u3400-\u9fff]{{0,2}}?{_TITLE}|(?![{_VERBAL}])[\u3400-\u9fff]{{1,2}})|{_LATIN}")
_FIGURE = re.compile(r"[\w@.+-]*[\d@][\w@.+-]*|(?:[\d〇零一二三四五六七八九十百千万两年月日号號岁歲点點:-])+")
_PLACE = re.compile(
    rf"(?!.*(?:周|星期|礼拜|禮拜|月|号|號|点|點)|她|他|你|我)(?:(?![{_NO_PLACE}])[\u3400-\u9fff]){{2,8}}|{_LATIN}"
)
_INDOORS = tuple("楼樓层層家里裡房舍边邊面寓店壁近处處间間院校室上下中外旁")
_FIRM = re.compile(r".{0,12}(?:公司|银行|銀行|医院|醫院|大学|大學|学校|學校|集团|集團|工厂|工廠)")

_RELATIVES = (
    "妈妈|媽媽|爸爸|母亲|母親|父亲|父親|女儿|女兒|儿子|兒子|老婆|老公|妻子|丈夫|姐姐|妹妹|哥哥|弟弟|奶奶|爷爷|爺爺|外婆"
    "|外公|女朋友|男朋友|猫|貓|狗"
)
_THING = rf"我(?:的(?P<of>[^，。,.是叫的]{{1,10}}(?:的[^，。,.是叫的]{{1,10}})?)|(?P<kin>{_RELATIVES}))"
_MANY = re.compile(
    r".*(?:朋友|同事|同学|同學|邻居|鄰居|学生|學生|客户|客戶|舅舅|叔叔|阿姨|孩子|书|書|歌|项目)|.*[表堂].{1,2}"
)
_ATTRIBUTE = re.compile(
    r".*(?:生日|年龄|年齡|电话|電話|手机号?|手機號?|号码?|號碼?|密码|密碼|地址|邮箱|郵箱|身高|体重|體重|尺码|血型|工资|工資|房租|邮编)"
)
_HOLDER = re.compile(
    r".*(?:牙医|牙醫|医生|醫生|老板|老闆|上司|经理|經理|老师|老師|教练|教練|导师|導師|房东|房東|律师|律師|丈夫|老公|妻子"
    r"|老婆|太太|女朋友|男朋友|室友)"
)


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(_FIRST + text)


_CALLED = _pattern(rf"我{_NOW}叫(?:做|作)?(?P<value>.+)")
_MY_NAME = _pattern(rf"我的?名字{_NOW}(?:是|叫做?|改成了?|改为了?)(?P<value>.+)")
_SURNAME = _pattern(rf"我{_NOW}姓[\u3400-\u9fff]{{1,2}}")
_AGE = _pattern(rf"我{_NOW}(?:今年)?{_NOW}(?:\d{{1,3}}|[一二三四五六七八九十]{{1,3}})[岁歲]了?")
_HOME = _pattern(rf"我{_NOW}(?:住在?|搬(?:家)?[到去])(?P<value>[^了去]+)(?:去?了)?")
_WORK = _pattern(rf"我{_NOW}在(?P<value>.+?)(?:工作|上班|任职|任職)")
_FAVOURITE = _pattern(
    rf"我{_NOW}最(?:喜欢|喜歡|爱|愛)的(?P<of>[^，。,.是的]{{1,8}}){_NOW}(?:是|变成了?|改成了?)(?P<value>[^，。,.的]{{1,12}})"
)
_NAMED = _pattern(rf"{_THING}(?:的?名字)?{_NOW}(?:改?叫(?:做|作)?|的?名字是)(?P<value>.+)")
_IS = _pattern(rf"{_THING}{_NOW}(?:是|为|為|在|改成了?|改到了?|改为了?|变成了?)(?P<value>.+)")


def subject_of(said: str) -> str:
    """`said`: without closing marks."""
    said = re.sub(r"(?<=[\u3400-\u9fff]) +| +(?=[\u3400-\u9fff])", "", said.strip(" 。！!.…~～"))
    if (found := _CALLED.fullmatch(said)) is not None:
        name = found["value"]
        return "我的名字" if _PERSON.fullmatch(name) and not _TITLED.fullmatch(name) else ""
    if (found := _MY_NAME.fullmatch(said)) is not None:
        return "我的名字" if _NAME.fullmatch(found["value"]) else ""
    if _SURNAME.fullmatch(said):
        return "我的姓"
    if _AGE.fullmatch(said):
        return "我的年龄"
    if (found := _HOME.fullmatch(said)) is not None:
        place = found["value"]
        return "我住在哪里" if _PLACE.fullmatch(place) and not place.endswith(_INDOORS) else ""
    if (found := _WORK.fullmatch(said)) is not None:
        return "我在哪里工作" if _FIRM.fullmatch(found["value"]) else ""
    if (found := _FAVOURITE.fullmatch(said)) is not None:
        return f"我最喜欢的{found['of']}"
    return _of_thing(said)


def _of_thing(said: str) -> str:
    if (found := _NAMED.fullmatch(said)) is not None:
        of = (found["of"] or found["kin"]).removesuffix("的名字")
        return f"我的{of}的名字" if _NAME.fullmatch(found["value"]) and not _MANY.fullmatch(of) else ""
    if (found := _IS.fullmatch(said)) is None:
        return ""
    of, value = found["of"] or found["kin"], found["value"]
    if _ATTRIBUTE.fullmatch(of):
        return f"我的{of}" if _FIGURE.fullmatch(value) else ""
    return f"我的{of}的名字" if _HOLDER.fullmatch(of) and _WHO.fullmatch(value) else ""
