/* SPDX-License-Identifier: Apache-2.0 */
/* Stop words: function words and question words of en de es fr it pt nl sv pl ro tr vi ru el ar hi.
 *
 * Words are written as people spell them; stop.c folds them. Left out on purpose: words that mean
 * much in another of these languages (German "war", Dutch "door", Spanish "son" and "era", Romanian
 * "care", English "us" and "may"): missing a stop word costs a little, losing a word of a question
 * costs the answer. */
#include "text/stop_words.h"

#include <stddef.h>

const char *const wf_text__stop_words[] = {
    /* en */
    "a about above after again against all also am an and any are as at be because been before "
    "being below between both but by can can't cannot could couldn't d did didn't do does doesn't "
    "doing don't during each either else etc ever every few for from further had hadn't has hasn't "
    "have haven't having he her here hers herself him himself his how however i if in into is "
    "isn't "
    "it its itself just least less let ll many me might more most much must mustn't my myself "
    "neither no nor not of off often on once only onto or other others our ours ourselves out over "
    "own per quite rather re same shall shan't she should shouldn't since so some such t than that "
    "the their theirs them themselves then there therefore these they this those though through "
    "thus to too toward towards under until up upon ve very via was wasn't we were weren't what "
    "when where whether which while who whom whose why will with within without won't would "
    "wouldn't yes yet you your yours yourself yourselves ain't aren't shouldn't mightn't needn't "
    "um uh uhm erm hmm hm mm mhm huh oh ah eh yeah yep ok okay gonna wanna gotta "
    "among amongst although whatever whichever whoever whenever wherever",
    /* de */
    "ab aber als also am an ander andere anderem anderen anderer anderes auch auf aus bei beim bin "
    "bis bist da dabei dadurch daher damit dann daran darauf daraus darf darin darum das dass "
    "davon "
    "dazu dein deine dem demselben den denen denn der deren derer des deshalb dessen dich die dies "
    "diese dieselbe diesem diesen dieser dieses dir doch dort du durch durfte ein eine einem einen "
    "einer eines einig einige einigen einiger einmal er es etwa etwas euch euer eure falls für "
    "gegen gewesen gibt habe haben hast hat hatte hatten hattest hier hin hinter ich ihm ihn ihnen "
    "ihr ihre ihrem ihren ihrer ihres im in indem ins ist ja jede jedem jeden jeder jedes jedoch "
    "jener jene jenes jetzt kann kannst kein keine keinem keinen keiner können könnte konnte "
    "machen macht man manche mehr mein meine meinem meinen meiner mich mir mit muss müssen musste "
    "nach nachdem neben nein nicht nichts noch nun nur ob oder ohne sehr sei sein seine seinem "
    "seinen seiner seines seit selbst sich sie sind so sobald solche soll sollen sollte sondern "
    "sonst sowie soweit um und uns unser unsere unter viel viele vielen vom von vor während waren "
    "warum was weg wegen weil weiter weitere welche welchem welchen welcher welches wem wen wenig "
    "wenn wer werde werden wessen wie wieder will wir wird wirst wo wobei wodurch wofür woher "
    "wohin wollen wollte womit woran worauf worin worden wurde wurden würde würden zu zum zur zwar "
    "zwischen über",
    /* es */
    "a al algo alguna algunas alguno algunos algún ante antes aquel aquella aquellas aquello "
    "aquellos aquí así aún aunque bajo bien cada casi como cómo con cual cuál cuales cuáles "
    "cualquier cuando cuándo cuanta cuánta cuántas cuanto cuánto cuántos de del desde donde dónde "
    "durante e el él ella ellas ellos en entre es esa esas ese eso esos esta está estaba "
    "estamos estar estas este estén esto estos están fue fueron ha haber había habían hace hacen "
    "hacia han hasta hay he la las le les lo los más me mediante mi mí mientras mis misma mismo "
    "mucha muchas mucho muchos muy nada ni ningún ninguna no nos nosotros nuestra nuestro o os "
    "otra "
    "otras otro otros para pero poco por porque pues puede pueden que qué quien quién quienes "
    "quiénes se según ser será si sí sido siempre sino sobre su sus suyo también tampoco tan tanto "
    "te tener tenía tiene tienen toda todas todavía todo todos tras tu tú tus un una unas uno unos "
    "usted ustedes y ya yo qu",
    /* fr */
    "à ai ainsi alors après as au aucun aucune auquel aussi autre autres aux auxquels avait "
    "avaient avant avec avez avoir ayant c car ce ceci cela celle celles celui cependant ces cet "
    "cette ceux chaque chez combien comme comment d dans de depuis des desquels dès dont du duquel "
    "elle elles en encore entre est et étaient était étant été être eu eux fait fut furent il ils "
    "j "
    "je jusque l la laquelle le lequel les lesquelles lesquels leur leurs lorsque lui m ma mais me "
    "même mêmes mes moi moins mon n ne ni non nos notre nous on ont ou où par parce pas pendant "
    "peu "
    "peut peuvent plusieurs pour pourquoi pourrait puis puisque qu quand que quel quelle quelles "
    "quels quelque quelques qui quoi s sa sans se selon sera ses seront si soit sommes sont sous "
    "suis sur ta tandis te tes toi tous tout toute toutes très tu un une vers voici voilà vos "
    "votre vous y",
    /* it */
    "a ad agli ai al alcun alcune alcuni all alla alle allo altra altre altri altro anche ancora "
    "avere aveva avevano c che chi ci cioè coi col come con contro cosa così cui d da dagli dai "
    "dal "
    "dall dalla dalle dallo degli dei del dell della delle dello dentro di dopo dove dov e è ed "
    "egli ella erano essa esse essere essi esso fra fu furono gli ha hanno ho i il in invece "
    "io "
    "l la le lei li lo loro ma me mentre mi mia mio molta molte molti molto ne nè né negli nei nel "
    "nell nella nelle nello nessun nessuna noi non nostra nostro o ogni oltre per perché però più "
    "poi possono prima può qual quale quali quando quanta quante quanti quanto quella quelle "
    "quelli "
    "quello quest questa queste questi questo qui se sé sei senza si sia siamo siano sono sopra "
    "sotto stata state stati stato su sua sue sugli sui sul sull sulla sulle sullo suo suoi tra "
    "tutta tutte tutti tutto un una uno vi viene vengono voi",
    /* pt */
    "a à ainda algum alguma algumas alguns ao aos apenas após aquela aquelas aquele aqueles aquilo "
    "as às até cada com como contra cuja cujo da das de dela delas dele deles depois desde dessa "
    "desse desta deste do dos durante e é ela elas ele eles em enquanto entre essa essas esse "
    "esses "
    "esta está estão estar estas estava este estes eu foi foram há isso isto já lhe lhes mais "
    "mas me mediante menos mesma mesmo meu minha muita muitas muito muitos na não nas nem nenhum "
    "nenhuma nessa nesse nesta neste no nos nós nossa nosso num numa o onde os ou outra outras "
    "outro outros para pela pelas pelo pelos perante pode podem pois por porém porque porquê "
    "quais qual qualquer quando quanta quantas quanto quantos que quê quem são se sem sendo ser "
    "será seu seus si sido sob sobre sua suas também tão te tem têm tendo ter teu tinha toda todas "
    "todo todos tu tua um uma umas uns você vocês vos",
    /* nl */
    "aan al alle alleen als altijd andere ben bent bij binnen daar daarom dan dat de deze die dit "
    "doen doet dus een eens en er geen geweest haar had hadden heb hebben heeft hem het hier hij "
    "hoe hoeveel hun iets ik in indien is ja je jij jou jouw kan kon kunnen maar me meer men met "
    "mij mijn moet moeten na naar niet niets nog nu of om omdat ons ook op over reeds sinds te "
    "tegen toch toen tot tussen u uit uw van vanaf veel volgens voor waar waarom wanneer waren was "
    "wat we weer wel welk welke werd werden wie wij wil wilde worden wordt zal ze zei zelf zich "
    "zij "
    "zijn zo zoals zonder zou zouden",
    /* sv */
    "alla allt än andra år att av bara bland blev bli blir då där de dem den denna deras dess "
    "dessa "
    "det detta dig din dina dock du efter ej eller en enligt er ert ett finns för från genom ha "
    "hade han hans har hela henne hennes hon honom hur hur i icke inom inte ja jag ju kan kommer "
    "kunde kunna med mellan men mig min mina mycket någon något några när nej ni nu och också om "
    "oss på sådan samma sedan sig sin sina sitt ska skall skulle själv som så samt till under "
    "upp ur ut utan vad vår våra var varav vara varför varit varje vars vart vem vems vi vid vilka "
    "vilken vilket vill",
    /* pl */
    "aby ale albo bardzo bez bo był była było byli były być będzie będą chociaż choć ci co coś czy "
    "czyli dla do dlaczego gdy gdyż gdzie go i ich ile im inne inny jak jaka jaki jakie jakiego "
    "jakim jako ją je jego jej jemu jest jestem jeszcze jeśli jeżeli już każdy kiedy kim kogo komu "
    "kto która które którego której który których którym którą którzy lub ma mają mi mnie może "
    "mogą "
    "można moje mój my na nad nam nas nasz nich nie niego niej nim niż no o od on ona one oni ono "
    "oraz po pod ponieważ poza przed przez przy są się skąd swoje swój ta tak także tam te tego "
    "tej "
    "też to tu tych tylko tym w we wiele wielu więc wszystko wszystkie z za ze że żeby",
    /* ro */
    "a acea aceasta această aceea acei aceia acel acela acele acest acesta aceste acestea acești "
    "acestor acestui acolo ai aici al ale alt alta alte altă altul am ar asta astfel atât au avea "
    "avut ca că când care-i ce cea cei cel cele celor cine cineva cât câte câți către cui cum cu "
    "dacă dar de deci decât deja despre din dintre doar după ea ei el ele erau este eu fără "
    "fi fie fiecare fiind fost i iar ii il în înainte încă încât într îi îl își l la le li lor lui "
    "lângă m mă mi mult multe mulți n ne nici nimeni noi nostru nu o ori oricare orice pe pentru "
    "peste poate pot prea prin printre sa să sale sau său se sunt și spre sub t te toate tot toți "
    "totuși tu un una unde unei unele unii unor unui unul va vă voi vom vor vreo",
    /* tr */
    "acaba ama ancak artık aslında az bana bazı belki ben beni benim bile bir birçok biri birkaç "
    "biz bize bizim böyle bu buna bunda bundan bunlar bunları bunların bunu bunun burada çok çünkü "
    "da daha dahi de defa değil diğer diye dolayı en eğer fakat gibi göre hangi hangisi hatta hem "
    "hep hepsi her herhangi hiç için ile ise işte ilgili itibaren kaç kadar karşı kendi kendine "
    "ki kim kime kimi kimin madem mı mi mu mü nasıl ne neden nedir nerede nereye nereden niçin "
    "niye olan olarak oldu olduğu olduğunu olmak olması olur on ona onlar onları onların onu onun "
    "oysa öyle pek rağmen sadece sanki siz size sizin şey şu şöyle tarafından tüm tümü üzere var "
    "ve veya vardır ya yani yerine yine yok yoksa zaten zira",
    /* vi */
    "ai bằng bị bởi các cái cho chỉ chưa có còn của cùng cũng đã đang đâu để đến đi điều "
    "đó "
    "do được gì hay hoặc hơn khi không là lại làm lên mà mỗi một này nào nên nếu như nhưng "
    "những nó nơi ở qua ra rất sao sau sẽ tại theo thế thì trên trong trước từ từng và vẫn vào về "
    "vì việc với vừa nhiêu",
    /* ru */
    "а без более бы был была были было быть в вам вас весь во вот все всего всех всё вы где да "
    "даже "
    "для до его ее её если есть еще ещё же за здесь зачем и из или им их к каждый как какая какие "
    "какими каких каким какого какое какой какую когда кого кому кто которая которого которое "
    "которой которую которые который которых котором которым ли либо между меня мне много может "
    "можно мой мы на над надо нам нас наш не него нее неё ней нет ни них но ну о об однако он она "
    "они оно от откуда очень перед по под потому после почему при про с сам свой своей своих свою "
    "себе себя сейчас сколько со так также такая такие такой там те тебя тем то тобой того тоже "
    "той "
    "только том тот тут ты у уже хотя чего чей чем чему через что чтобы эта эти этим этих это "
    "этого "
    "этой этом этот эту я",
    /* el */
    "αλλά αν αντί από απ αυτά αυτές αυτή αυτό αυτοί αυτόν αυτός αυτού αυτούς αυτών αυτήν αυτής "
    "για γιατί δε δεν δηλαδή διότι εάν εγώ εδώ εκεί εκείνα εκείνη εκείνο εκείνος εμείς ένα έναν "
    "ένας ενός ενώ επειδή επί εσείς ή η ήδη ήταν θα ίδιο ίσως κάθε και κάποια κάποιος καθώς κατά "
    "κι λοιπόν μα με μέσα μετά μεταξύ μέχρι μη μην μια μία μιας μόνο μου μας να ναι ο οι όλα όλες "
    "όλη όλοι όμως όπως όπου όταν ότι ο,τι ούτε όχι παρά περί πια πιο πλέον ποια ποιά ποιες ποιο "
    "ποιοι ποιον ποιος ποιού ποιους πολλά πολλές πολλοί πολύ πόσα πόσες πόσο πόσοι πόσους πότε που "
    "πού πριν προς πως πώς σαν σας σε σου στα στη στην στης στις στο στον στους σχετικά τα τη την "
    "της τι τις το τον του τους τότε τόσο των ώστε ως είναι είχε είχαν έχει έχουν υπό χωρίς",
    /* ar */
    "أن إن إلى أو أي أية أين أم أما إذا إذ إلا الآن التي الذي الذين الذى اللاتي اللذان اللتان ان "
    "انه أنا أنت أنه أنها بأن بعد بعض بل بما به بها بهذا بين بينما تكون تلك تم ثم حتى حول حيث حين "
    "خلال ذلك ذات سوف سواء على عليه عليها عن عند عندما عنه عنها غير ف فإن فقد فقط في فيه فيها قبل "
    "قد كان كانت كانوا كل كم كما كيف كذلك لا لأن لدى لكن لكل لم لماذا لن له لها لهم لو ليس ليست ما "
    "ماذا متى مثل مع مما من منذ منه منها من هذا هذه هل هم هما هنا هناك هو هؤلاء هي و وإن وقد وكان "
    "وكانت ولا ولم وما ومن وهو وهي وفي وعلى يكون يمكن",
    /* hi */
    "अगर अपना अपनी अपने अब आप इन इनका इनके इस इसका इसकी इसके इसमें इसे इसलिए उन उनका उनकी उनके उनको "
    "उन्हें उन्होंने उस उसका उसकी उसके उसको उसने उसमें उसे एक एवं और कई कब कभी कर करता करते करना करने कहाँ "
    "कहां का "
    "कि कितना कितनी कितने किन किया किस किसका किसकी किसके किसने किसी किसे की कुछ के को कोई कौन कौनसा "
    "कौनसी क्या क्यों गई गए गया चाहिए जब जहाँ जहां जा जाता जाती जाते जाने जिन जिनके जिस जिसका जिसकी जिसके "
    "जिसमें जिसे जैसे जो तक तथा तब तो था थी थे द्वारा दिया नहीं ना ने पर परंतु फिर बहुत बाद भी मगर मुझे में मेरा "
    "मेरी मेरे "
    "मैं यदि यह यहाँ यहां या ये रहा रही रहे लिए लेकिन व वह वहाँ वहां वाला वाली वाले वे सकता सकती सकते सब सभी "
    "साथ "
    "से हम हमारा हमारे ही हुआ हुई हुए हूँ है हैं हो होता होती होते होना होने",
    NULL,
};
