"""The page of a clip: the player, the times, and what the reader's own browser checks."""

from __future__ import annotations

from typing import Final

WORDS: Final = {
    "film": ("播放器", "Player"),
    "film-keys": (
        (
            "快捷键（先点播放器）：K 或空格 播放或暂停，J、L 后退、前进 10 秒，← → 5 秒，"
            "逗号、句点 上一帧、下一帧，< > 变速，M 静音，F 全屏"
        ),
        (
            "Keys, once the player has the focus: K or space plays and pauses, J and L "
            "go back and on "
            "10 s, arrows 5 s, comma and full stop one frame, < and > change the speed, M mutes, "
            "F fills the screen"
        ),
    ),
    "film-keys-head": ("快捷键", "Keys"),
    "film-original": (
        "这是原始文件：与采集站封存的内容逐字节相同，是否相同由右侧的核验说明。",
        "This is the original, as the dock sealed it; whether it still is, the checks tell.",
    ),
    "film-preview": (
        "这是预览副本：由网关转换，便于浏览器播放，不是证据原件。右侧的核验针对原始文件。",
        (
            "This is a preview: a copy that the gateway converted so that a browser can "
            "play it. It is "
            "not the evidence; the checks are about the original."
        ),
    ),
    "key.play": ("播放", "Play"),
    "key.back": ("后退 5 秒", "Back 5 seconds"),
    "key.on": ("前进 5 秒", "On 5 seconds"),
    "key.previous": ("上一帧", "Previous frame"),
    "key.next": ("下一帧", "Next frame"),
    "key.mute": ("静音", "Mute"),
    "key.full": ("全屏", "Full screen"),
    "key.speed": ("速度", "Speed"),
    "key.volume": ("音量", "Volume"),
    "key.seek": ("播放位置", "Position"),
    "marks": ("时间线上的标记", "Marks"),
    "marks-none": (
        "没有标记。",
        "There are no marks.",
    ),
    "mark.important": (
        "民警在记录仪上标为重点（何时按下未知）",
        "Marked as important on the camera; when is not known",
    ),
    "mark.tag": ("民警在采集站标注：{text}", "Tagged at the dock: {text}"),
    "mark.warning": ("文件检查：{text}", "The probe of the file: {text}"),
    "mark.doubt": ("时钟存疑：{text}", "Doubt about its clock: {text}"),
    "times": ("拍摄时间", "When this picture was taken"),
    "times-position": ("文件中的位置", "In the file"),
    "times-claimed": ("记录仪时钟自称", "The camera's clock claimed"),
    "times-fast": (
        "入仓时测得快 {off}（±{error}）",
        "at docking it was {off} fast (±{error})",
    ),
    "times-slow": (
        "入仓时测得慢 {off}（±{error}）",
        "at docking it was {off} slow (±{error})",
    ),
    "times-exact": (
        "入仓时测得与采集站一致（±{error}）",
        "at docking it agreed with the dock (±{error})",
    ),
    "times-unmeasured": (
        "入仓时未能测量它的误差",
        "how far it was off could not be measured",
    ),
    "times-known": ("可以确定的范围", "What can be known"),
    "times-basis": ("依据", "On this basis"),
    "proof": ("真实性核验", "Is it genuine?"),
    "proof-own": (
        "以下各步由您自己的浏览器核验，边播放边进行；所用程序与证据包中的核验页相同。",
        (
            "Your own browser makes these checks, while the clip plays, with the program that also "
            "goes along in evidence packs."
        ),
    ),
    "proof-limit": (
        (
            "不能由此得知的：录制的时间地点、入仓前是否删改，以及网关若连本页程序一并作假的情形。"
            "要排除后者，请导出证据包，用从其他途径取得的 evidock-verify 核验。"
        ),
        (
            "What this cannot tell: when or where it was recorded, and what became of it before "
            "docking. And the gateway gave you this page: if you do not trust it, "
            "export a pack and "
            "use an evidock-verify from elsewhere."
        ),
    ),
    "proof-unasked": (
        "检查点由日志签名，前后延续；未核验见证",
        "the checkpoint is signed by the log and continues it; witnesses: not asked",
    ),
    "proof-none": ("核验需要 JavaScript。", "These checks need JavaScript."),
    "proof-elsewhere": (
        "使用自己的信任文件或见证策略",
        "Use a trust file or witness policy of your own",
    ),
    "proof-trust": ("信任文件（从其他途径取得）", "Trust file, from elsewhere"),
    "proof-policy": ("见证策略（从其他途径取得）", "Witness policy, from elsewhere"),
    "proof-again": ("继续核验", "Go on checking"),
    "proof-means": ("这意味着什么：", "What that means: "),
    "means.2": (
        "网关现在给出的内容不是采集站封存的内容。不要把它当作证据使用；请通知管理员检查存储并从其他副本修复。",
        (
            "The gateway does not give the bytes that the dock sealed. Do not rely on "
            "what you see; "
            "tell the custodian, who can look for an intact copy."
        ),
    ),
    "means.3": (
        "记录的文字与签名时不同：有人改过记录，或给了您另一份。",
        "The words of a record are not those that were signed: they were changed, or exchanged.",
    ),
    "means.4": (
        "有声明不是以当时有效的密钥签署的：不能认为它出自所称的采集站或网关。",
        (
            "A statement was not signed by a key that counted then: do not take it for "
            "the dock's or "
            "the gateway's word."
        ),
    ),
    "means.5": (
        "存证链对不上：有条目被略去、替换或重写。",
        "The chain does not fit: something was left out, exchanged or rewritten.",
    ),
    "means.6": (
        "不能证明这些声明在日志中：证明被调换，或日志给您看的与给别人看的不同。",
        (
            "It is not proved that this stands in the log: the proof was exchanged, or "
            "you are shown "
            "another log than others are."
        ),
    ),
    "means.7": (
        "检查点的签名或前后延续不成立：日志可能被改写。请保留本页并通知审计人员。",
        (
            "The log's signature or its continuity fails: it may have been rewritten. "
            "Keep this page "
            "and tell an auditor."
        ),
    ),
    "means.8": ("时间戳不成立。", "A time stamp does not hold."),
    "means.9": (
        "卡上的清单与封存的内容对不上，有文件没有交代。",
        "The card's inventory and what was sealed differ: something is not accounted for.",
    ),
    "means.10": (
        "保管过程前后矛盾。",
        "The story of custody contradicts itself.",
    ),
    "js.step.waiting": ("等待", "waiting"),
    "js.step.checking": ("核验中", "checking"),
    "js.step.good": ("成立", "right"),
    "js.step.lack": ("有缺失", "something is missing"),
    "js.step.bad": ("错误", "WRONG"),
    "js.step.open": ("此处不能核验", "cannot be checked here"),
    "js.proof.checking": ("正在您的浏览器中核验……", "Your browser is checking…"),
    "js.proof.held": (
        "签名与证明已核验；说明事由并打开记录后，再核验录像内容。",
        "Signatures and proofs are checked; the footage is checked once you say why you open it.",
    ),
    "js.proof.good": (
        "此处能够核验的各项全部成立，内容与封存时逐字节相同。",
        "All that can be checked here is right: the footage is byte for byte what was sealed.",
    ),
    "js.proof.lack": (
        "没有发现改动，但有缺失，见下。",
        "Nothing was found altered, but something is missing: see below.",
    ),
    "js.proof.bad": (
        "核验发现错误！见下方标为“错误”的步骤。",
        "SOMETHING IS WRONG: see the steps marked so.",
    ),
    "js.proof.held-away": (
        "网关没有应答，已多次重试。",
        "The gateway does not answer, after several tries.",
    ),
    "js.proof.held-view-needed": (
        "查看事由已过期：请刷新页面，重新说明事由。",
        "The reason you gave has run out: reload the page and give one again.",
    ),
    "js.proof.held-sign-in": (
        "登录已过期：请重新登录后刷新页面。",
        "You were signed out: sign in again and reload the page.",
    ),
    "js.proof.leaves": (
        "已核验 {seen} / {count} 片（每片 1 MiB）",
        "{seen} of {count} pieces of 1 MiB checked",
    ),
    "js.proof.leaves-blind": (
        "已读取 {seen} / {count} 片（每片 1 MiB）；没有可用的叶子表，读完才有结论",
        "{seen} of {count} pieces of 1 MiB read; there is no list of them, so only the end tells",
    ),
    "js.proof.leaf": (
        "第 {leaf} 片不同：字节 {from} 至 {to}",
        "piece {leaf} differs: bytes {from} to {to}",
    ),
    "js.proof.leaf-at": (
        "第 {leaf} 片不同：字节 {from} 至 {to}，约在播放位置 {start} 至 {end}",
        "piece {leaf} differs: bytes {from} to {to}, about {start} to {end} of the recording",
    ),
    "js.proof.bytes-good": (
        "树根与整体 SHA-256 都与签名记录相同：{sha256}",
        "the root and the SHA-256 of the whole are those of the signed record: {sha256}",
    ),
    "js.proof.bytes-bad": (
        "内容不是封存时的内容。",
        "These are not the bytes that were sealed.",
    ),
    "js.proof.size": (
        "内容的长度与封存时不同。",
        "The content has another length than was sealed.",
    ),
    "js.proof.missing": (
        "存储中的内容缺失或长度不同。",
        "The stored content is missing, or has another length.",
    ),
    "js.proof.first-why": (
        "说明事由并打开记录后开始",
        "begins once you have said why you open it",
    ),
    "js.proof.no-content": (
        "内容尚未入库，或您无权播放",
        "the content is not here, or not for you to play",
    ),
    "js.proof.no-record": (
        "没有可信的封存记录，无从比对",
        "there is no trustworthy record to compare with",
    ),
    "js.proof.no-worker": (
        "此浏览器不能在后台核验",
        "this browser cannot check in the background",
    ),
    "js.proof.insecure": (
        "本页不是经 https 打开的，浏览器不提供核验所需的功能",
        "this page was not opened over https, so the browser offers no means to check",
    ),
    "js.proof.unread": ("证明读不出来：{why}", "the proof cannot be read: {why}"),
    "js.proof.count": ("{count} 处成立", "{count} of them hold"),
    "js.play": ("播放", "Play"),
    "js.pause": ("暂停", "Pause"),
    "js.not-said": ("未说明", "not said"),
    "js.reason-needed": ("请填写事由。", "Give a reason first."),
    "js.when-between": (
        "按采集站时钟，在 {from} 与 {to} 之间（{zone}）",
        "between {from} and {to} by the dock's clock ({zone})",
    ),
    "js.when-latest": (
        "按采集站时钟，不晚于 {at}（{zone}）；早到何时无从得知",
        "not after {at} by the dock's clock ({zone}); nothing says how long before",
    ),
    "js.when-earliest": (
        "按采集站时钟，不早于 {at}（{zone}）",
        "not before {at} by the dock's clock ({zone})",
    ),
    "js.when-unknown": (
        "无从得知：没有任何依据",
        "not known: nothing bounds it",
    ),
    "js.when-torn": (
        "依据互相矛盾，无从得知",
        "not known: what is claimed contradicts itself",
    ),
    "js.strip-to": ("跳到", "Go to"),
    "js.strip-somewhere": ("画面（时间不明）", "A picture, at a time not known"),
}
