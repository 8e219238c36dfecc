"""Every fixed text of the screen, in Chinese and English."""

from __future__ import annotations

from typing import Final

from edge.kiosk.amounts import Pair

TAKE: Final[Pair] = ("可以取走", "Take it")
LEAVE: Final[Pair] = ("请勿取走", "Leave it")
CALL: Final[Pair] = ("找管理员", "Get help")
WAIT: Final[Pair] = ("请稍候", "Wait")
NOT_READ: Final[Pair] = ("没有读取，未采集", "Not read, not copied")
NOT_A_DISK: Final[Pair] = ("MTP模式，未采集", "MTP mode, not copied")
FREE: Final[Pair] = ("空闲", "Free")

# Short names of the states of edge/words.py; a state that is not here is named by its sentence.
STATES: Final[dict[str, Pair]] = {
    "looking": ("正在读取存储卡", "Reading the card"),
    "copying": ("正在采集", "Copying"),
    "copied": ("已复制，等待入库", "Copied, not stored"),
    "offline": ("已复制，网关无应答", "Copied, gateway silent"),
    "checking": ("正在核对", "Comparing"),
    "erasing": ("正在清理存储卡", "Erasing what is safe"),
    "full": ("采集站已满", "The dock is full"),
    "attention": ("有文件未能采集", "Some not taken"),
    "missing": ("有文件已不在卡内", "Some are gone"),
    "refused": ("本站不采集此记录仪", "Not taken here"),
    "safe": ("已安全入库", "Safe"),
    "low": ("已安全入库，卡将满", "Safe, card nearly full"),
    "empty": ("无待采集文件", "Nothing to take"),
}

# What officers may add to a reason: a screen has no way to write Chinese.
SENTENCES: Final[tuple[Pair, ...]] = (
    ("忘记开启", "It was not switched on"),
    ("没有佩戴", "It was not worn"),
    ("开机后没有录上", "It was on and did not record"),
    ("镜头被遮挡或损坏", "The lens was covered or broken"),
    ("记录仪在处置中脱落或受损", "It came off or was damaged in the incident"),
    ("涉及个人隐私，应当事人要求停止", "Stopped for somebody's privacy, at their wish"),
    ("记录仪已送修", "The camera is being repaired"),
)

TEXT: Final[dict[str, Pair]] = {
    "alarm": ("报警", "Alarm"),
    "alarms": ("报警", "Alarms"),
    "back": ("返回", "Back"),
    "bay": ("仓位", "Bay"),
    "camera": ("记录仪", "Camera"),
    "case": ("选择案件", "Choose a case"),
    "case-of": ("案件", "Case"),
    "cases-none": ("没有您的未结案件。", "There is no open case of yours."),
    "cases-stale": ("案件列表更新于{zh}前。", "This list is {en} old."),
    "cases-unknown": ("采集站还没有收到案件列表。", "The dock has no list of cases yet."),
    "category": ("选择类别", "Choose a category"),
    "category-of": ("类别", "Category"),
    "check": ("如何核验", "How to check this"),
    "check-text": (
        "保存二维码内容。日后由管理员在采集站存证链上运行下面的命令，即可确认其中的记录未被删改。",
        "Keep what the code says. Later the custodian holds the dock's ledger against it:",
    ),
    "clips": ("音视频记录", "Clips"),
    "closed": ("结束", "Ended"),
    "code": ("代码", "Code"),
    "copied": ("已复制，尚未入库", "copied, not stored yet"),
    "digest": ("全部记录的摘要", "Digest over all clips"),
    "earlier": ("此前已采集", "Taken at an earlier docking"),
    "erased": ("已入库，已从卡上清除", "stored, erased on the card"),
    "failed": ("没有办成", "This was not done"),
    "files": ("卡上文件", "files on the card"),
    "head": ("存证链位置", "Ledger entry"),
    "all-none": ("全选/全不选", "All / none"),
    "find": ("输入案号查找", "Type to find a case"),
    "idle": ("请把记录仪放入仓位", "Put a camera into a bay"),
    "key-back": ("退格", "Delete"),
    "key-clear": ("清空", "Clear"),
    "key-done": ("完成", "Done"),
    "language": ("中文", "English"),
    "left-over": ("未采集", "Not taken"),
    "lost": ("采集站上已丢失", "lost at the dock"),
    "lost-line": ("与采集程序失去连接", "No connection to the dock program"),
    "lost-do": ("请勿取走任何记录仪", "Leave the cameras in their bays"),
    "lost-why": (
        "采集站正在启动或重新启动，会自动恢复。超过两分钟请联系管理员。",
        "The dock is starting; this ends by itself. After two minutes, call the custodian.",
    ),
    "marked": ("重点", "marked"),
    "more": ("以及另外{n}个", "and {n} more"),
    "mute": ("静音", "Mute"),
    "not-erased": (
        "卡上文件没有清除，原样保留，没有丢失",
        "Nothing was erased on the card: it keeps its recordings, nothing is lost",
    ),
    "no-alarm": ("没有报警", "No alarm"),
    "no-clip": ("这次没有采集到文件。", "This docking brought no clip."),
    "no-session": ("还没有采集批次。", "There was no docking yet."),
    "noted": ("已记录。", "This is on record."),
    "officer": ("执法人员", "Officer"),
    "officer-unknown": ("未刷卡", "not named"),
    "open": ("仍在进行，凭条内容可能增加", "still open; clips may be added"),
    "opened": ("放入", "Docked"),
    "print": ("打印", "Print"),
    "reason": ("说明无视频原因", "Why there is no video"),
    "reason-of": ("无视频原因", "Why there is no video"),
    "reasons-unknown": ("采集站还没有收到原因列表。", "The dock has no list of reasons yet."),
    "released": ("已安全入库", "stored, safe"),
    "scan": ("请拍照或扫码留存", "Photograph or scan this code"),
    "sealed": ("已复制，尚未入库", "copied, not stored yet"),
    "session": ("采集批次", "Session"),
    "size": ("大小", "Size"),
    "slip": ("交接凭条", "Slip"),
    "slips": ("交接凭条", "Slips"),
    "sound": ("声音", "Sound"),
    "space": ("空格", "Space"),
    "tap-reason": ("点选原因，即予记录", "Tap the reason: that puts it on record"),
    "tagged": ("已标记{n}个记录。", "{n} clips tagged."),
    "text": ("补充说明（可不填）", "More about it (may stay empty)"),
    "typed": ("不在列表中，按此案号登记", "On no list; record it as typed"),
    "todo": ("还可以做", "Still to do"),
    "which": ("哪些记录？", "Which clips?"),
    "unit": ("单位", "Unit"),
}


def filled(pair: Pair, **values: object) -> Pair:
    """A text with its gaps filled in."""
    return pair[0].format(**values), pair[1].format(**values)
